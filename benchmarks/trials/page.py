"""Writes the results as a page of the documentation: what was simulated, the error rate, and the target."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.trials.limits import Limit
from benchmarks.trials.trial import Row, Trial

FAILS = """\
## Where each method fails

Each method of two arms is wrong on some data. The table gives its error rate there, and what to use instead.

| method | data | wrong | instead |
|---|---|--:|---|"""

Say = dict[str, Callable[[Row], str]]
BASELINE = "baseline"


def write_page(
    path: Path, rows: Sequence[Row], head: str, say: Say, order: Sequence[Trial], limits: Sequence[Limit] = ()
) -> None:
    """Write the page; ``head``: how it begins; ``say``: the words for ``measured``, ``wanted`` and ``before``.

    Without ``before`` there is no such column. Where not all trials of ``order`` were drawn, the others keep their
    section of the page that is there. ``limits``: the lines of a table of where the methods fail. What another program
    has added at the end stays.
    """
    known, *added = by_program(path.read_text(encoding="utf-8")) if path.exists() else [""]
    found = {name: list(group) for name, group in groupby(rows, key=lambda row: row.trial.name)}
    kept = {_key(section): section for section in known.strip().split("\n\n## ")[1:]}
    tables = [_limits(limits, found, known, say)] if limits else []
    for trial in order:
        if trial.name in found:
            tables.append(_section(found[trial.name], say))
        elif (old := kept.get(_key(f"{trial.what}\n\n{listed(trial.process)}"))) is not None:
            tables.append(f"## {old}")
    parts = (f"{head.strip()} {counted_rows(tables)}", *tables, *added)
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def counted_rows(tables: Sequence[str]) -> str:
    """How many rows have a target, and how many of them miss it; a baseline has none."""
    return count_results(re.findall(r"(?m)\| (met|\*\*missed\*\*|baseline) \|$", "\n".join(tables)))


def count_results(results: Iterable[str]) -> str:
    """The same of the last column."""
    found = Counter(results)
    limited = found["met"] + found["**missed**"]
    return f"{sum(found.values()):,} rows, {limited:,} with targets, {found['**missed**']} missed."


def by_program(page: str) -> list[str]:
    """The parts of a page; each begins at the line that names its program, and the first one with the title."""
    title, *parts = re.split(r"(?m)^(?=<!-- Made by )", page)
    return [title + "".join(parts[:1]), *parts[1:]]


def _limits(limits: Sequence[Limit], found: dict[str, list[Row]], known: str, say: Say) -> str:
    """The table of limits; a line whose trial was not drawn stays as it is on the page."""
    lines = []
    for limit in limits:
        head = f"| {cell(limit.method)} | {cell(limit.data)} |"
        measured = [say["measured"](row) for row in found.get(limit.trial, ()) if row.target.measure == limit.measure]
        old = [line for line in known.splitlines() if line.startswith(head)]
        lines += [f"{head} {measured[0]} | {cell(limit.instead)} |"] if measured else old
    return "\n".join([FAILS, *lines])


def _section(rows: list[Row], say: Say) -> str:
    trial = rows[0].trial
    few = f" {rows[0].replications:,} replications." if rows[0].replications in (trial.most, trial.least) else ""
    heads = "| rule | before | measured | target | |\n|---|--:|--:|--:|---|"
    heads = heads if "before" in say else heads.replace(" before |", "").replace("--:|", "", 1)
    return "\n".join([f"## {trial.what}\n\n{listed(trial.process)}.{few}\n", heads, *(_line(row, say) for row in rows)])


def _key(section: str) -> str:
    """A section's heading and process, by which it is found again."""
    heading, process = section.split("\n\n", 2)[:2]
    return f"{heading}\n{re.sub(r'[.]( [0-9,]+ replications[.])?$', '', process)}"


def _line(row: Row, say: Say) -> str:
    past = [say["before"](row)] if "before" in say else []
    cells = cell(row.target.rule), *past, say["measured"](row), say["wanted"](row) or "–", result_of(row)
    return f"| {' | '.join(cells)} |"


def result_of(row: Row) -> str:
    """The last column of a row."""
    return {None: BASELINE, True: "met", False: "**missed**"}[row.met]


def listed(process: str) -> str:
    """The parts of a process, as a list on one line."""
    return cell(process.replace("; ", " · "))


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
