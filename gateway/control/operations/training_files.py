"""Reads the files of a candidate's training data as they are now, and their newest audit, as evidence."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from evaluators.training_data.audit_report import AUDIT_VERSION
from fairtrial.config.file.project_files import open_file
from fairtrial.domain.plan import Plan
from fairtrial.domain.training_data import DataRole, PresentFile, TrainingEvidence
from fairtrial.safe_files import MOST_NAMED_BYTES, FileRefused, refuse_larger
from fairtrial.store import data_audits
from fairtrial.store.core.database import Database
from gateway.control.operations.verdicts.served_weights import deployment_of

CHUNK = 1 << 20


def read_training_evidence(
    database: Database, plan: Plan, root: Path | None, candidate: str, *, audited: bool
) -> TrainingEvidence:
    """The evidence on the training data of a candidate's deployment; raises `StoreError`.

    ``root``: the project's folder, ``None`` if it is unknown. ``audited``: whether to read the files and their audit.
    A file that can't be read is part of the evidence.
    """
    deployment = deployment_of(plan, candidate)
    lineage = plan.deployments[deployment].lineage
    if lineage is None or not audited:
        return TrainingEvidence(deployment, lineage, AUDIT_VERSION)
    files = tuple(present_file(root, role, path) for role, path in lineage.files())
    readable = not any(file.wrong for file in files)
    audit = data_audits.newest_of_data(database, ((file.role, file.sha256) for file in files)) if readable else None
    earlier = data_audits.newest_of_deployment(database, deployment) if audit is None else None
    return TrainingEvidence(deployment, lineage, AUDIT_VERSION, files, audit, earlier)


def present_file(root: Path | None, role: DataRole, path: str, *, most: int = MOST_NAMED_BYTES) -> PresentFile:
    """The file as it is now, if it has at most so many bytes."""
    if root is None:
        return PresentFile(path, role, wrong="can't be found, because the project file can't be read")
    try:
        return PresentFile(path, role, _sha256(root / path, root, most))
    except FileRefused as error:
        return PresentFile(path, role, wrong=error.wrong)


def _sha256(path: Path, root: Path, most: int) -> str:
    digest = hashlib.sha256()
    with open_file(path, root) as opened:
        refuse_larger(opened, most)
        while part := os.read(opened, CHUNK):
            digest.update(part)
    return digest.hexdigest()
