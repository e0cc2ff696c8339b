"""The figures as a page of the documentation: what was simulated, how often it was wrong, and what was promised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.trials.trial import Row

HEAD = """\
# How often the statistics are wrong

<!-- Made by `python benchmarks/validity.py --markdown docs/validity.md`. -->

[The statistics](reference/statistics.md) promise how often they are wrong. Here the promise is kept or broken by
simulation: data are drawn by a process that is named, the library's own functions look at them, and what they say
wrongly is counted. **A line without a target is a baseline**: what one would get without the method. ± is one standard
error; a target is met within two. A/A: there is no difference, and whoever finds one is wrong.

{replications:,} replications; seed {seed}.
"""


def write_page(path: Path, rows: Sequence[Row], drawn: dict[str, int], say: dict[str, Callable[[Row], str]]) -> None:
    """Write the page; ``drawn``: replications and seed; ``say``: the words for ``measured`` and for ``wanted``."""
    parts = [HEAD.format(**drawn)]
    for _, group in groupby(rows, key=lambda row: row.trial.name):
        found = list(group)
        lines = [_line(row, say) for row in found]
        heads = "| rule | measured | target | |\n|---|--:|--:|---|"
        parts.append(f"## {found[0].trial.what}\n\n{_cell(found[0].trial.process)}.\n\n" + "\n".join([heads, *lines]))
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def _line(row: Row, say: dict[str, Callable[[Row], str]]) -> str:
    met = {None: "baseline", True: "met", False: "**missed**"}[row.met]
    cells = _cell(row.target.rule), say["measured"](row), say["wanted"](row) or "–", met
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
