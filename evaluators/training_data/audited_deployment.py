"""Resolves the files of a deployment whose data is audited, and converts a report to the record that control stores."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from evaluators.training_data.row_texts import MOST_GROUP, groups_of
from fairtrial.api.data_audits import StoreAudit
from fairtrial.domain import training_data
from fairtrial.domain.errors import UsageError, nearest

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport, Issue, WaivedRows
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


def find_deployment(project: Project, name: str) -> AuditedDeployment:
    """The deployment of the project; raises `UsageError` if it does not exist, has no lineage, or a file is missing."""
    if name not in project.plan.deployments:
        known = nearest(name, project.plan.deployments)
        raise UsageError(f"--deployment: the deployment {name!r} does not exist ({known})")
    lineage = project.plan.deployments[name].lineage
    if lineage is None:
        raise UsageError(
            f"{project.path}: deployments.{name}.training is missing (its data: [FILE, …] says what to audit)"
        )
    deployment = AuditedDeployment(project, name, lineage)
    missing = [path for path in (*deployment.train, *deployment.validation) if not path.is_file()]
    if missing:
        raise UsageError(f"{project.path}: deployments.{name}.training: there is no file {missing[0]}")
    return deployment


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


def counts_of(issues: Iterable[Issue]) -> list[training_data.CheckCount]:
    """For each check and severity, the number of issues and of the rows that they concern, without waived ones."""
    groups: dict[tuple[str, training_data.AuditSeverity], list[Issue]] = defaultdict(list)
    for issue in issues:
        groups[issue.check, issue.severity].append(issue)
    return [
        training_data.CheckCount(
            check,
            severity,
            len(group),
            _distinct((member.file, row) for member in group for row in member.open_rows),
        )
        for (check, severity), group in groups.items()
    ]


def waived_counts(issues: Sequence[Issue]) -> list[training_data.WaivedCount]:
    """What each waiver covers of each check and severity."""
    counts: dict[tuple[int, str, training_data.AuditSeverity], list[tuple[str, WaivedRows]]] = defaultdict(list)
    for issue in issues:
        for part in issue.waived:
            counts[id(part.waiver), issue.check, issue.severity].append((issue.file, part))
    return [
        training_data.WaivedCount(
            training_data.CheckCount(
                check, severity, len(group), _distinct((file, row) for file, part in group for row in part.rows)
            ),
            group[0][1].waiver,
        )
        for (_, check, severity), group in counts.items()
    ]


def findings_of(report: AuditReport) -> Iterator[training_data.AuditFinding]:
    """The issues by their numbers."""
    position = {file.path: at for at, file in enumerate(report.files)}
    for issue in report.issues[: training_data.MOST_FOUND]:
        groups = [
            tuple((position[path], line) for path, line in group[:MOST_GROUP])
            for group in islice((group for group in groups_of(issue) if len(group) > 1), training_data.MOST_GROUPS)
        ]
        yield training_data.AuditFinding(
            issue.check,
            issue.kind,
            issue.severity,
            position[issue.file],
            len(issue.rows),
            issue.rows[: training_data.MOST_LINES],
            tuple(groups),
            len(issue.rows) - len(issue.open_rows),
            issue.is_waived,
        )


def _distinct(rows: Iterable[tuple[str, int]]) -> int:
    """Distinct rows, because two issues may concern one row."""
    return len(set(rows))
