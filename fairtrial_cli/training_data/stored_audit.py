"""Audits the files that a deployment's lineage names, and stores the result for the gate rule `data.audit clean`."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairtrial.api import data_audits
from fairtrial.api.data_audits import StoreAudit
from fairtrial.domain.errors import UsageError
from fairtrial.domain.training_data import AuditSeverity, CheckCount
from fairtrial.domain.verdicts.verdict_wording import dollars
from fairtrial.domain.wording import counted
from fairtrial_cli.options import project_of
from fairtrial_cli.store_client.client import open_store

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport, Issue
    from fairtrial.api.data_audits import StoreAudit, StoredAudit
    from fairtrial.config.project import Project
    from fairtrial.domain.training_data import Lineage


@dataclass(frozen=True, slots=True)
class AuditedDeployment:
    """A deployment whose data is audited: its lineage, and the path of each file from where the command runs."""

    project: Project
    name: str
    lineage: Lineage

    @property
    def train(self) -> list[Path]:
        return [self._path(path) for path in self.lineage.data]

    @property
    def validation(self) -> list[Path]:
        return [self._path(path) for path in self.lineage.validation]

    def declared(self, path: str) -> str:
        """The path as the lineage writes it; a suite's path stays as it is."""
        return {str(self._path(name)): name for _, name in self.lineage.files()}.get(path, path)

    def _path(self, path: str) -> Path:
        return Path(os.path.relpath(self.project.root / path))


def find_deployment(config: Path, name: str) -> AuditedDeployment:
    """The deployment of the project; raises `UsageError` if it does not exist, has no lineage, or a file is missing."""
    from fairtrial.config.file.errors import nearest

    project = project_of(config)
    if name not in project.plan.deployments:
        known = nearest(name, project.plan.deployments)
        raise UsageError(f"--deployment: the deployment {name!r} does not exist ({known})")
    lineage = project.plan.deployments[name].lineage
    if lineage is None:
        raise UsageError(f"{config}: deployments.{name}.training is missing (its data: [FILE, …] says what to audit)")
    found = AuditedDeployment(project, name, lineage)
    missing = [path for path in (*found.train, *found.validation) if not path.is_file()]
    if missing:
        raise UsageError(f"{config}: deployments.{name}.training: there is no file {missing[0]}")
    return found


def store_audit(audited: AuditedDeployment, report: AuditReport, seconds: float) -> StoredAudit:
    """Store the result; returns its id, and whether it is clean."""
    request = audit_request(audited, report, seconds)
    with open_store(audited.project.layout, audited.project.path) as store:
        return store.call(data_audits.store, request)


def audit_request(audited: AuditedDeployment, report: AuditReport, seconds: float) -> StoreAudit:
    """What is stored: digests of files, and counts by check and severity."""
    files = tuple(replace(file, path=audited.declared(file.path)) for file in report.files)
    counts = tuple(counts_of(report.issues))
    return StoreAudit(deployment=audited.name, version=report.version, seconds=seconds, files=files, counts=counts)


def counts_of(issues: tuple[Issue, ...]) -> list[CheckCount]:
    """For each check and severity, the number of issues and of the rows that they concern."""
    found: dict[tuple[str, AuditSeverity], list[Issue]] = defaultdict(list)
    for issue in issues:
        found[issue.check, issue.severity].append(issue)
    return [CheckCount(check, severity, len(some), _rows(some)) for (check, severity), some in found.items()]


def _rows(issues: list[Issue]) -> int:
    """Distinct rows of each file, because two issues may concern one row."""
    return len({(issue.file, row) for issue in issues for row in issue.rows})


def stored_sentence(audited: AuditedDeployment, stored: StoredAudit, seconds: float) -> str:
    """What was stored, and what audit and training cost."""
    cost = audited.lineage.cost
    training = "its cost is not declared" if cost is None else f"it cost {dollars(cost)}"
    clean = "clean" if stored.clean else "not clean"
    rows = counted(len(audited.lineage.files()), "file")
    took = f"It took {seconds:.1f} seconds and no model."
    trained = f"The training: {audited.lineage.method} from {audited.lineage.base}; {training}."
    return f"Stored as audit {stored.audit_id} of {audited.name} ({rows}, {clean}). {took} {trained}"
