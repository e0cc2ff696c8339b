"""Reports the difference of two versions of a data set as text, as JSON, and as one HTML page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from evaluators.training_data.findings.row_texts import Place, texts_of
from fairtrial import html_pages
from fairtrial.domain.errors import printable
from fairtrial.domain.wording import counted
from fairtrial_cli.training_data.audit import lines_in_words
from fairtrial_cli.training_data.audit_page import shown_row

if TYPE_CHECKING:
    from evaluators.training_data.example_file import ExampleFile
    from evaluators.training_data.findings.difference import Difference, FindingChange

MOST_ROWS = 200
"""Rows of each kind whose texts the page shows; JSON has the lines of all."""
MOST_SHARES = 20
LEAST_SHARE = 0.005
"""A class whose share moved less is not printed; JSON has all."""


def headline(found: Difference) -> str:
    """The difference in one sentence."""
    numbers = ((found.added, "added"), (found.removed, "removed"), (found.changed, "changed"))
    parts = [f"{counted(len(rows), 'row')} {verb}" for rows, verb in numbers if rows]
    same = f"{counted(found.same, 'row')} the same"
    return f"{', '.join(parts)}, {same}" if parts else f"no row differs, {same}"


def difference_as_json(found: Difference, old: ExampleFile, new: ExampleFile) -> str:
    """The whole difference."""
    files = {
        name: {"path": str(file.path), "sha256": file.sha256, "rows": len(file.examples), "format": file.format}
        for name, file in (("old", old), ("new", new))
    }
    return json.dumps(files | msgspec.to_builtins(found), indent=2, ensure_ascii=False)


def print_difference(found: Difference, old: ExampleFile, new: ExampleFile) -> None:
    """Print the headline, then each part of the difference."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(headline(found), style="bold"))
    for line in (f"  old {old.path}: {counted(len(old.examples), 'row')}", *_lines(found, new)):
        console.print(Text(printable(line)))


def _lines(found: Difference, new: ExampleFile) -> Iterator[str]:
    yield f"  new {new.path}: {counted(len(new.examples), 'row')}"
    if found.added:
        yield f"added    {lines_in_words(found.added)} of the new file"
    if found.removed:
        yield f"removed  {lines_in_words(found.removed)} of the old file"
    if found.changed:
        yield f"changed  {lines_in_words([row.now for row in found.changed])} of the new file"
    for label in found.labels:
        where = lines_in_words(label.lines)
        yield f"label    {label.field}: {label.before or 'none'} → {label.now or 'none'} in {where}"
    shares = [share for share in found.shares if abs(share.share_now - share.share_before) >= LEAST_SHARE]
    for share in shares[:MOST_SHARES]:
        yield f"class    {share.field} {share.label}: {share.share_before:.1%} → {share.share_now:.1%}"
    if len(shares) > MOST_SHARES:
        yield f"class    and {len(shares) - MOST_SHARES} more (--json has all)"
    for finding in found.findings:
        yield f"finding  {_finding(finding)}"


def _finding(change: FindingChange) -> str:
    name = f"{change.severity} {change.check}{f'/{change.kind}' if change.kind else ''}"
    parts = [
        f"{word} in {lines_in_words(lines)} of the {version} file"
        for word, lines, version in (("new", change.new, "new"), ("gone", change.gone, "old"))
        if lines
    ]
    return f"{name}: {', '.join(parts) or ('new' if change.rows_before is None else 'gone')}"


def difference_page(found: Difference, old: ExampleFile, new: ExampleFile) -> str:
    """The page, with the masked texts of the rows that differ."""
    changed = [[(old, row.before), (new, row.now)] for row in found.changed[:MOST_ROWS]]
    sections = [
        ("Changed rows", changed, len(found.changed)),
        ("Added rows", [[(new, line)] for line in found.added[:MOST_ROWS]], len(found.added)),
        ("Removed rows", [[(old, line)] for line in found.removed[:MOST_ROWS]], len(found.removed)),
    ]
    return html_pages.render(
        "data_diff.html",
        title="Difference of two versions of a data set",
        headline=headline(found),
        files=[("old", old), ("new", new)],
        labels=found.labels,
        shares=found.shares,
        findings=[_finding(change) for change in found.findings],
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
