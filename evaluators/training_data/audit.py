"""Audits training data with all checks. The checks are in `checks/`; each module there defines ``check``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType

from evaluators.training_data.audit_report import AUDIT_VERSION, SEVERITIES, AuditReport, Issue, Role
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import ExampleFile
from evaluators.training_data.findings.waivers import apply_waivers
from fairtrial.domain.errors import UsageError
from fairtrial.domain.registry import Registry
from fairtrial.domain.training_data import AuditFile, Waiver

OnProgress = Callable[[str, int, int], None]
"""Called with the name of the check that begins, the number of checks done, and their total."""


def audit(
    train: Sequence[ExampleFile],
    *,
    validation: Sequence[ExampleFile] = (),
    suites: Sequence[ExampleFile] = (),
    also: Mapping[str, Check] = MappingProxyType({}),
    on_progress: OnProgress | None = None,
    waivers: Sequence[Waiver] = (),
    day: date | None = None,
) -> AuditReport:
    """What the checks find in the training files, and what these share with the validation files and the suites.

    ``also``: further checks by name, such as the rules of a provider. ``waivers``: findings that the lineage accepts on
    ``day`` (UTC), by default today.

    Raises `UsageError` if a file is both trained on and held out.
    """
    files = (*train, *validation, *suites)
    given: tuple[tuple[Role, Sequence[ExampleFile]], ...] = (
        ("train", train),
        ("validation", validation),
        ("suite", suites),
    )
    roles = tuple(role for role, of in given for _ in of)
    _check_distinct(train, (*validation, *suites))
    corpus = Corpus(files, roles)
    checks = {**dict(CHECKS), **also}
    issues: list[Issue] = []
    for done, (name, check) in enumerate(checks.items()):
        if on_progress is not None:
            on_progress(name, done, len(checks))
        issues += check.find(corpus)
    audited = [
        AuditFile(str(one.path), role, one.sha256, len(one.examples), one.format)
        for one, role in zip(files, roles, strict=True)
    ]
    report = AuditReport(AUDIT_VERSION, tuple(audited), tuple(sorted(issues, key=_order)))
    return apply_waivers(report, files, waivers, day or datetime.now(UTC).date())


def _order(issue: Issue) -> tuple[int, str, str]:
    return SEVERITIES.index(issue.severity), issue.check, issue.file


def _check_distinct(train: Sequence[ExampleFile], held_out: Sequence[ExampleFile]) -> None:
    paths = {one.path.resolve() for one in train}
    for one in held_out:
        if one.path.resolve() in paths:
            raise UsageError(f"{one.path}: the file is both trained on and held out")


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``find`` returns what it found, and nothing if there is nothing to say."""

    summary: str
    find: Callable[[Corpus], list[Issue]]


CHECKS: Registry[Check] = Registry("evaluators.training_data.checks", "check", noun="check", kind=Check)
