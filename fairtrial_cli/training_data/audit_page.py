"""Renders an audit of training data, and the difference of two versions, as HTML pages with masked texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from evaluators.training_data.audit import row_names
from evaluators.training_data.audit_report import reliability_of
from evaluators.training_data.row_texts import MOST_GROUP, Place, groups_of, pieces, texts_of
from fairtrial import html_pages
from fairtrial.domain.errors import printable
from fairtrial.domain.training_data import PROBLEMS, RowText, Waiver
from fairtrial.domain.wording import counted
from fairtrial_cli.training_data.audit import NOT_LOOKED_FOR, headline, lines_in_words

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport, Issue
    from evaluators.training_data.difference import AuditDifference, FindingChange
    from evaluators.training_data.example_file import ExampleFile


MOST_ROWS = 200
"""Rows of one finding whose texts are shown."""
MOST_NUMBERS = 1_000
"""Row numbers of a finding; JSON has all."""
MOST_DETAILS = 4_000
MOST_CHARACTERS = 3_000_000
"""Characters of rows on one page, shared equally by the findings."""
LONG, HEAD = 600, 400
"""A text with more characters than `LONG` shows the first `HEAD` of them, and the rest on demand."""
IN_THE_TEXTS = ("matches", "groups", "rows_by_kind", "kind")
"""Details that the page shows in other words."""


@dataclass(frozen=True, slots=True)
class IssueGroup:
    """Rows that stand side by side. ``more``: those of the group that are not shown."""

    rows: Sequence[Mapping[str, Any]]
    more: int = 0


def audit_page(report: AuditReport, files: Sequence[ExampleFile]) -> str:
    """The page; raises `UsageError` if a file has changed since it was read."""
    options = dict(_options(report))
    numbers = {choice: number for number, choice in enumerate(choice for group in options.values() for choice in group)}
    shown = [_bounded(issue) for issue in report.issues]
    texts = texts_of(files, (place for groups in shown for group in groups for place in group[:MOST_GROUP]))
    share = MOST_CHARACTERS // max(1, sum(bool(issue.rows) for issue in report.issues))
    names = _names(report, files)
    return html_pages.render(
        "data_audit.html",
        rules=_rules(len(numbers)),
        title="Audit of training data",
        report=report,
        headline=headline(report),
        not_looked_for=NOT_LOOKED_FOR,
        waived=waived_rows(report),
        choices=[
            (dimension, [(numbers[choice], f"{printable(choice[1])} ({count:,})") for choice, count in group.items()])
            for dimension, group in options.items()
        ],
        findings=[
            _finding(issue, groups, texts, share, names.get(issue.file, {}))
            | {"classes": [numbers[choice] for choice in _choices(issue)]}
            for issue, groups in zip(report.issues, shown, strict=True)
        ],
        counted=counted,
        printable=printable,
    )


def waived_rows(report: AuditReport) -> list[tuple[Waiver, int]]:
    """Each waiver that covers something, with how many rows it covers."""
    rows: dict[int, tuple[Waiver, int]] = {}
    for part in (part for issue in report.issues for part in issue.waived):
        waiver, before = rows.get(id(part.waiver), (part.waiver, 0))
        rows[id(part.waiver)] = waiver, before + len(part.rows)
    return list(rows.values())


def _choices(issue: Issue) -> list[tuple[str, str]]:
    return [("severity", issue.severity), ("check", issue.check), ("file", issue.file)]


def _options(report: AuditReport) -> Iterator[tuple[str, dict[tuple[str, str], int]]]:
    """For each filter the choices with the number of their findings, in the order of the findings."""
    for at, dimension in enumerate(("severity", "check", "file")):
        choices: dict[tuple[str, str], int] = {}
        for issue in report.issues:
            choice = _choices(issue)[at]
            choices[choice] = choices.get(choice, 0) + 1
        yield dimension, choices


def _rules(count: int) -> str:
    """A chosen option hides the findings that do not have its class."""
    return "".join(
        f".browse:has(.o{number}:checked) .case:not(.f{number}) {{display: none}}\n" for number in range(count)
    )


def _bounded(issue: Issue) -> list[list[Place]]:
    groups, rows = [], 0
    for group in groups_of(issue):
        rows += min(len(group), MOST_GROUP)
        if rows > MOST_ROWS:
            break
        groups.append(group)
    return groups


def _names(report: AuditReport, files: Sequence[ExampleFile]) -> dict[str, dict[int, str]]:
    """The names of the rows that a waiver could cover, by file and line."""
    lines: dict[str, set[int]] = {}
    for issue in report.issues:
        if issue.severity in PROBLEMS:
            lines.setdefault(issue.file, set()).update(issue.open_rows[:MOST_NUMBERS])
    return {str(file.path): row_names(file, lines.get(str(file.path), ())) for file in files}


def _finding(
    issue: Issue, groups: Sequence[Sequence[Place]], texts: Mapping[Place, RowText], share: int, names: dict[int, str]
) -> dict[str, Any]:
    """What the template shows of an issue; rows beyond its share of the characters are only numbers."""
    fitting: list[IssueGroup] = []
    shown: set[Place] = set()
    used = 0
    for group in groups:
        rows = [texts[place] for place in group[:MOST_GROUP] if place in texts]
        used += sum(row.size for row in rows)
        if used > share:
            break
        if rows:
            fitting.append(
                IssueGroup(
                    [shown_row(row, rows[0], elsewhere=row.file != issue.file) for row in rows],
                    max(0, len(group) - MOST_GROUP),
                )
            )
            shown.update(group)
    details = {name: value for name, value in issue.details.items() if name not in IN_THE_TEXTS}
    return {
        "issue": issue,
        "numbers": _numbers(issue),
        "waiver": _waiver(issue, names),
        "details": details and json.dumps(details, indent=2, ensure_ascii=False)[:MOST_DETAILS],
        "reliability": _reliability(issue),
        "groups": fitting,
        "more": sum((issue.file, line) not in shown for line in issue.rows),
    }


def _reliability(issue: Issue) -> str:
    """How many planted faults of this kind were found, and how many good rows; empty if it was not measured."""
    measured = reliability_of(issue.check, issue.kind)
    return "" if measured is None else f"Reliability of this kind: {measured.says} ({measured.source})."


def shown_row(row: RowText, first: RowText, *, elsewhere: bool) -> dict[str, Any]:
    """A row with the words marked in which it differs from the first row of its group; ``elsewhere`` names its file."""
    beside = None if row is first else dict(enumerate(text for _, text in first.messages))
    messages = []
    for at, (role, text) in enumerate(row.messages):
        head, rest = (text[:HEAD], text[HEAD:]) if len(text) > LONG else (text, "")
        compared = None if beside is None or rest else beside.get(at, "")
        messages.append({"role": role, "pieces": pieces(head, compared), "rest": rest})
    return {"row": row, "messages": messages, "elsewhere": elsewhere}


def _numbers(issue: Issue) -> str:
    more = len(issue.rows) - MOST_NUMBERS
    return ", ".join(map(str, issue.rows[:MOST_NUMBERS])) + (f" and {more:,} more (--json has all)" if more > 0 else "")


def _waiver(issue: Issue, names: Mapping[int, str]) -> str:
    """The waiver of an issue as YAML, without reason and owner; empty if it needs none."""
    if issue.severity not in PROBLEMS or issue.is_waived:
        return ""
    rows = [names[line] for line in issue.open_rows[:MOST_NUMBERS] if line in names]
    kind = [f"  kind: {issue.kind}"] if issue.kind else []
    covered = f"  rows: [{', '.join(rows)}]" if rows else "  all: true"
    return "\n".join((f"- check: {issue.check}", *kind, covered, "  reason: ", "  owner: "))


"""Rows of each kind whose texts the page shows; JSON has the lines of all."""
MOST_SHARES = 20
LEAST_SHARE = 0.005
"""A class whose share moved less is not printed; JSON has all."""


def difference_headline(difference: AuditDifference) -> str:
    """The difference in one sentence."""
    numbers = ((difference.added, "added"), (difference.removed, "removed"), (difference.changed, "changed"))
    parts = [f"{counted(len(rows), 'row')} {verb}" for rows, verb in numbers if rows]
    same = f"{counted(difference.same, 'row')} the same"
    return f"{', '.join(parts)}, {same}" if parts else f"no row differs, {same}"


def difference_as_json(difference: AuditDifference, old: ExampleFile, new: ExampleFile) -> str:
    """The whole difference."""
    files = {
        name: {"path": str(file.path), "sha256": file.sha256, "rows": len(file.examples), "format": file.format}
        for name, file in (("old", old), ("new", new))
    }
    return json.dumps(files | msgspec.to_builtins(difference), indent=2, ensure_ascii=False)


def print_difference(difference: AuditDifference, old: ExampleFile, new: ExampleFile) -> None:
    """Print the headline, then each part of the difference."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(difference_headline(difference), style="bold"))
    for line in (f"  old {old.path}: {counted(len(old.examples), 'row')}", *_lines(difference, new)):
        console.print(Text(printable(line)))


def _lines(difference: AuditDifference, new: ExampleFile) -> Iterator[str]:
    yield f"  new {new.path}: {counted(len(new.examples), 'row')}"
    if difference.added:
        yield f"added    {lines_in_words(difference.added)} of the new file"
    if difference.removed:
        yield f"removed  {lines_in_words(difference.removed)} of the old file"
    if difference.changed:
        yield f"changed  {lines_in_words([row.now for row in difference.changed])} of the new file"
    for label in difference.labels:
        where = lines_in_words(label.lines)
        yield f"label    {label.field}: {label.before or 'none'} → {label.now or 'none'} in {where}"
    shares = [share for share in difference.shares if abs(share.share_now - share.share_before) >= LEAST_SHARE]
    for share in shares[:MOST_SHARES]:
        yield f"class    {share.field} {share.label}: {share.share_before:.1%} → {share.share_now:.1%}"
    if len(shares) > MOST_SHARES:
        yield f"class    and {len(shares) - MOST_SHARES} more (--json has all)"
    for finding in difference.findings:
        yield f"finding  {_finding_difference(finding)}"


def _finding_difference(change: FindingChange) -> str:
    name = f"{change.severity} {change.check}{f'/{change.kind}' if change.kind else ''}"
    parts = [
        f"{word} in {lines_in_words(lines)} of the {version} file"
        for word, lines, version in (("new", change.new, "new"), ("gone", change.gone, "old"))
        if lines
    ]
    return f"{name}: {', '.join(parts) or ('new' if change.rows_before is None else 'gone')}"


def difference_page(difference: AuditDifference, old: ExampleFile, new: ExampleFile) -> str:
    """The page, with the masked texts of the rows that differ."""
    changed = [[(old, row.before), (new, row.now)] for row in difference.changed[:MOST_ROWS]]
    sections = [
        ("Changed rows", changed, len(difference.changed)),
        ("Added rows", [[(new, line)] for line in difference.added[:MOST_ROWS]], len(difference.added)),
        ("Removed rows", [[(old, line)] for line in difference.removed[:MOST_ROWS]], len(difference.removed)),
    ]
    return html_pages.render(
        "data_diff.html",
        title="Difference of two versions of a data set",
        headline=difference_headline(difference),
        files=[("old", old), ("new", new)],
        labels=difference.labels,
        shares=difference.shares,
        findings=[_finding_difference(change) for change in difference.findings],
        sections=[(title, _groups(groups), total - len(groups)) for title, groups, total in sections if groups],
        lines_in_words=lines_in_words,
        counted=counted,
        printable=printable,
    )


def _groups(groups: Sequence[Sequence[tuple[ExampleFile, int]]]) -> list[list[dict[str, Any]]]:
    files = {id(file): file for group in groups for file, _ in group}
    places: list[Place] = [(str(file.path), line) for group in groups for file, line in group]
    texts = texts_of(files.values(), places)
    shown = []
    for group in groups:
        rows = [texts[str(file.path), line] for file, line in group]
        shown.append([shown_row(row, rows[0], elsewhere=True) for row in rows])
    return shown
