"""Defines the report of an audit: the files that it read, and what each check found in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from fairtrial.domain.training_data import PROBLEMS, AuditFile, AuditRole, AuditSeverity

Severity = AuditSeverity
Role = AuditRole
SEVERITIES: tuple[Severity, ...] = get_args(AuditSeverity)
AUDIT_VERSION = "2"
"""The version of the checks and their thresholds. A change of what they find changes it."""

MOST_LISTED = 1_000
"""Groups or matches that an issue lists; its rows are complete."""


@dataclass(frozen=True, slots=True)
class Issue:
    """What one check found in one file.

    ``check``: its name, such as ``duplicates``. ``says``: one sentence. ``rows``: the lines concerned, in order.
    ``count``: how many things were found, which can be other than rows. ``details``: figures for machines; it has
    no secret text.
    """

    check: str
    severity: Severity
    says: str
    file: str
    rows: tuple[int, ...] = ()
    count: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit."""

    version: str
    files: tuple[AuditFile, ...]
    issues: tuple[Issue, ...]

    @property
    def clean(self) -> bool:
        """Whether no issue is an error or a warning."""
        return all(issue.severity not in PROBLEMS for issue in self.issues)
