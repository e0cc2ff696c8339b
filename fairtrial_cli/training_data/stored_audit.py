"""Finds the training data of a deployment, and stores its audit for the gate rule `data.audit clean`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from evaluators.training_data.findings.row_texts import MOST_GROUP, groups_of
from fairtrial.api import data_audits
from fairtrial.api.data_audits import StoreAudit
from fairtrial.config.file.errors import nearest
from fairtrial.domain.errors import UsageError
from fairtrial.domain.training_data import (
    MOST_FOUND,
    MOST_GROUPS,
    MOST_LINES,
    AuditFinding,
    AuditSeverity,
    CheckCount,
    WaivedCount,
)
from fairtrial.domain.verdicts.verdict_wording import dollars
from fairtrial.domain.wording import counted
from fairtrial_cli.options import project_of
from fairtrial_cli.store_client.client import open_store

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport, Issue, WaivedRows
    from fairtrial.api.data_audits import StoredAudit
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
    project = project_of(config)
    if name not in project.plan.deployments:
        known = nearest(name, project.plan.deployments)
        raise UsageError(f"--deployment: the deployment {name!r} does not exist ({known})")
    lineage = project.plan.deployments[name].lineage
    if lineage is None:
        raise UsageError(f"{config}: deployments.{name}.training is missing (its data: [FILE, …] says what to audit)")
    deployment = AuditedDeployment(project, name, lineage)
    missing = [path for path in (*deployment.train, *deployment.validation) if not path.is_file()]
    if missing:
        raise UsageError(f"{config}: deployments.{name}.training: there is no file {missing[0]}")
    return deployment


def store_audit(audited: AuditedDeployment, report: AuditReport, seconds: float) -> StoredAudit:
    """Store the result; returns its id, and whether it is clean."""
    request = audit_request(audited, report, seconds)
    with open_store(audited.project.layout, audited.project.path) as store:
        return store.call(data_audits.store, request)


def audit_request(audited: AuditedDeployment, report: AuditReport, seconds: float) -> StoreAudit:
    """What is stored: digests of files, counts by check and severity, and lines of rows, but no text."""
    files = tuple(replace(file, path=audited.declared(file.path)) for file in report.files)
    return StoreAudit(
        deployment=audited.name,
        version=report.version,
        seconds=seconds,
        files=files,
        counts=tuple(counts_of(issue for issue in report.issues if not issue.is_waived)),
        waived=tuple(waived_counts(report.issues)),
        findings=tuple(findings_of(report)),
    )


def counts_of(issues: Iterable[Issue]) -> list[CheckCount]:
    """For each check and severity, the number of issues and of the rows that they concern, without waived ones."""
    found: dict[tuple[str, AuditSeverity], list[Issue]] = defaultdict(list)
    for issue in issues:
        found[issue.check, issue.severity].append(issue)
    return [
        CheckCount(check, severity, len(group), _distinct((one.file, row) for one in group for row in one.open_rows))
        for (check, severity), group in found.items()
    ]


def waived_counts(issues: Sequence[Issue]) -> list[WaivedCount]:
    """What each waiver covers of each check and severity."""
    found: dict[tuple[int, str, AuditSeverity], list[tuple[str, WaivedRows]]] = defaultdict(list)
    for issue in issues:
        for part in issue.waived:
            found[id(part.waiver), issue.check, issue.severity].append((issue.file, part))
    return [
        WaivedCount(
            CheckCount(
                check, severity, len(group), _distinct((file, row) for file, part in group for row in part.rows)
            ),
            group[0][1].waiver,
        )
        for (_, check, severity), group in found.items()
    ]


def findings_of(report: AuditReport) -> Iterator[AuditFinding]:
    """The issues by their numbers."""
    position = {file.path: at for at, file in enumerate(report.files)}
    for issue in report.issues[:MOST_FOUND]:
        groups = [
            tuple((position[path], line) for path, line in group[:MOST_GROUP])
            for group in islice((group for group in groups_of(issue) if len(group) > 1), MOST_GROUPS)
        ]
        yield AuditFinding(
            issue.check,
            issue.kind,
            issue.severity,
            position[issue.file],
            len(issue.rows),
            issue.rows[:MOST_LINES],
            tuple(groups),
            len(issue.rows) - len(issue.open_rows),
            issue.is_waived,
        )


def _distinct(rows: Iterable[tuple[str, int]]) -> int:
    """Distinct rows, because two issues may concern one row."""
    return len(set(rows))


def stored_sentence(audited: AuditedDeployment, stored: StoredAudit, seconds: float) -> str:
    """What was stored, and what audit and training cost."""
    cost = audited.lineage.cost
    training = "its cost is not declared" if cost is None else f"it cost {dollars(cost)}"
    clean = "clean" if stored.clean else "not clean"
    rows = counted(len(audited.lineage.files()), "file")
    took = f"It took {seconds:.1f} seconds and no model."
    trained = f"The training: {audited.lineage.method} from {audited.lineage.base}; {training}."
    return f"Stored as audit {stored.audit_id} of {audited.name} ({rows}, {clean}). {took} {trained}"
