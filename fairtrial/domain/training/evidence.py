"""Defines the evidence on training data that a gate judges: the lineage, the files now, and their newest audit."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.training.data_audit import DataAudit
from fairtrial.domain.training.lineage import DataRole, Lineage


@dataclass(frozen=True, slots=True)
class PresentFile:
    """A file of the lineage as it is when the gate judges: its digest, or ``wrong``, why it could not be read."""

    path: str
    role: DataRole
    sha256: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class TrainingEvidence:
    """What is known about a candidate's training data.

    ``audit_version``: the version of the checks in this program. ``audit``: the newest audit of exactly these files;
    without one, ``earlier`` is the newest audit that read the deployment's data when it was different.
    """

    deployment: str
    lineage: Lineage | None
    audit_version: str
    files: tuple[PresentFile, ...] = ()
    audit: DataAudit | None = None
    earlier: DataAudit | None = None
