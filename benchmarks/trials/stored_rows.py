"""Keeps the rows of a bench as CSV, and writes a page with the worst row of each kind of trial."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from benchmarks.trials.page import BASELINE, Say, by_program, cell, count_results, listed, result_of
from benchmarks.trials.trial import Row, Trial

TABLE = """\
## The worst row of each kind

It is the row whose figure is nearest to its target, or furthest beyond it.

| what | rows with targets | worst: data | rule | measured | target | |
|---|--:|---|---|--:|--:|---|"""


class StoredRow(NamedTuple):
    """One row as text: what was simulated, how the data were drawn, and the figure beside its target."""

    what: str
    process: str
    replications: str
    rule: str
    before: str
    measured: str
    target: str
    result: str

    @property
    def closeness(self) -> float:
        """The figure over its upper target, or the lower target over the figure."""
        measured, target = (float(re.findall(r"[\d.]+", text.replace(",", ""))[0]) for text in self[5:7])
        parts = (measured, target) if "≤" in self.target else (target, measured)
        return parts[0] / parts[1] if parts[1] else float("inf" if parts[0] else 0)


def write_rows(path: Path, rows: Sequence[Row], say: Say, order: Sequence[Trial]) -> list[StoredRow]:
    """Write the rows in the order of the trials, and return all; rows of trials that were not drawn stay."""
    drawn = {name: list(group) for name, group in groupby(rows, key=lambda row: row.trial.name)}
    kept: dict[tuple[str, str], list[StoredRow]] = {}
    for row in read_rows(path):
        kept.setdefault((row.what, row.process), []).append(row)
    stored: list[StoredRow] = []
    for trial in order:
        new = [_stored(row, say) for row in drawn.get(trial.name, ())]
        stored += new or kept.get((trial.what, trial.process), [])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([StoredRow._fields, *stored])
    return stored


def read_rows(path: Path) -> list[StoredRow]:
    """The rows of the file; none if there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [StoredRow(*cells) for cells in csv.reader(file)][1:]


def write_summary(page: Path, rows: Sequence[StoredRow], head: str) -> None:
    """Write the page of the worst rows and of all missed ones. What other programs have added at its end stays."""
    added = by_program(page.read_text(encoding="utf-8"))[1:] if page.exists() else []
    begin = f"{head.strip()} {count_results(row.result for row in rows)}"
    parts = (begin, "\n".join([TABLE, *_lines(rows)]), *added)
    page.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def _lines(rows: Sequence[StoredRow]) -> Iterator[str]:
    kinds: dict[str, list[StoredRow]] = {}
    for row in rows:
        kinds.setdefault(row.what, []).append(row)
    for what, group in kinds.items():
        limited = [row for row in group if row.result != BASELINE]
        missed = [row for row in limited if row.result != "met"]
        for row in missed or sorted(limited, key=lambda row: -row.closeness)[:1]:
            figures = row.measured, row.target, row.result
            cells = what, f"{len(limited):,}", listed(row.process), row.rule, *figures
            yield f"| {' | '.join(map(cell, cells[:-1]))} | {row.result} |"


def _stored(row: Row, say: Say) -> StoredRow:
    before = say["before"](row) if "before" in say else ""
    figures = say["measured"](row), say["wanted"](row), result_of(row)
    return StoredRow(row.trial.what, row.trial.process, str(row.replications), row.target.rule, before, *figures)
