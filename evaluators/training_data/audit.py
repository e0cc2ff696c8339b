"""Audits training data with all checks. The checks are in `checks/`; each module there defines ``check``."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from types import MappingProxyType

from evaluators.training_data.audit_report import AUDIT_VERSION, SEVERITIES, AuditReport, Issue, Role, WaivedRows
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import ExampleFile, row_columns
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
    also: "Mapping[str, Check]" = MappingProxyType({}),
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
        AuditFile(str(file.path), role, file.sha256, len(file.examples), file.format)
        for file, role in zip(files, roles, strict=True)
    ]
    report = AuditReport(AUDIT_VERSION, tuple(audited), tuple(sorted(issues, key=_order)))
    return apply_waivers(report, files, waivers, day or datetime.now(UTC).date())


def _order(issue: Issue) -> tuple[int, str, str]:
    return SEVERITIES.index(issue.severity), issue.check, issue.file


def _check_distinct(train: Sequence[ExampleFile], held_out: Sequence[ExampleFile]) -> None:
    paths = {file.path.resolve() for file in train}
    for file in held_out:
        if file.path.resolve() in paths:
            raise UsageError(f"{file.path}: the file is both trained on and held out")


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``find`` returns what it found, and nothing if there is nothing to say.

    ``names``: the names that its findings have, if these are not the name of the check.
    """

    summary: str
    find: Callable[[Corpus], list[Issue]]
    names: tuple[str, ...] = ()


CHECKS: Registry[Check] = Registry("evaluators.training_data.checks", "check", noun="check", kind=Check)


def names_of_findings() -> list[str]:
    """The names that findings can have, of which a waiver has one."""
    return sorted(finding for name, check in CHECKS for finding in check.names or (name,))


# Applies the waivers of a lineage to an audit, and names rows by their content, so that a waiver survives edits.

DIGITS = 16


def row_names(file: ExampleFile, lines: Collection[int]) -> dict[int, str]:
    """The name of each of these rows by its line: ``17:3f9a12c4d5e6a7b8``, with the digest of the row's columns.

    Lines that are no readable row have none. Raises `UsageError` if the file has changed since it was read.
    """
    numbers = set(lines)
    if not numbers or file.format == "suite":
        return {}
    columns = row_columns(file)
    return {line: f"{line}:{_digest(columns[line])}" for line in sorted(numbers & columns.keys())}


def apply_waivers(
    report: AuditReport, files: Sequence[ExampleFile], waivers: Sequence[Waiver], day: date
) -> AuditReport:
    """The report with what the waivers cover on this day, and a warning for each that covers nothing."""
    in_force = [waiver for waiver in waivers if not waiver.expired(day)]
    digests = _digests(report.issues, files, in_force)
    issues = tuple(
        replace(issue, waived=tuple(_cover(issue, in_force, digests.get(issue.file, {})))) for issue in report.issues
    )
    used = {id(part.waiver) for issue in issues for part in issue.waived}
    warnings = [_warning(waiver, day) for waiver in waivers if id(waiver) not in used]
    return replace(report, issues=issues, waiver_warnings=tuple(warnings))


def _digests(
    issues: Sequence[Issue], files: Sequence[ExampleFile], waivers: Sequence[Waiver]
) -> Mapping[str, Mapping[int, str]]:
    """The digests of all rows that a waiver by rows could cover, by file and line."""
    by_rows = [waiver for waiver in waivers if waiver.rows]
    lines: dict[str, set[int]] = {}
    for issue in issues:
        if any(_concerns(waiver, issue) for waiver in by_rows):
            lines.setdefault(issue.file, set()).update(issue.rows)
    named = {str(file.path): row_names(file, lines.get(str(file.path), ())) for file in files}
    return {path: {line: _digest_of(name) for line, name in rows.items()} for path, rows in named.items()}


def _cover(issue: Issue, waivers: Sequence[Waiver], digests: Mapping[int, str]) -> list[WaivedRows]:
    """What each waiver covers of the issue; the first one that covers a row has it."""
    parts: list[WaivedRows] = []
    left = list(issue.rows)
    for waiver in waivers:
        if not _concerns(waiver, issue):
            continue
        accepted = {_digest_of(name) for name in waiver.rows}
        rows = [row for row in left if waiver.all or digests.get(row) in accepted]
        if rows or (waiver.all and not issue.rows and not parts):
            parts.append(WaivedRows(waiver, tuple(rows)))
            left = [row for row in left if row not in set(rows)]
    return parts


def _concerns(waiver: Waiver, issue: Issue) -> bool:
    return waiver.check == issue.check and waiver.kind in (None, issue.kind)


def _warning(waiver: Waiver, day: date) -> str:
    about = f"the waiver of {waiver.subject} by {waiver.owner}"
    if waiver.expired(day):
        return f"{about} expired after {waiver.until}; look at the findings again, then remove or renew it"
    why = "no such finding is left" if waiver.all else "none of its rows is found as it was; they may have changed"
    return f"{about} covers nothing: {why}; remove it"


def _digest_of(name: str) -> str:
    return name.partition(":")[2]


def _digest(columns: Mapping[str, object]) -> str:
    return sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()[:DIGITS]
