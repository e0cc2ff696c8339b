"""The figures as a page of the documentation: what was simulated, how often it was wrong, and what was promised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.trials.trial import Row


def write_page(path: Path, rows: Sequence[Row], head: str, say: dict[str, Callable[[Row], str]]) -> None:
    """Write the page; ``head``: how it begins; ``say``: the words for ``measured``, ``wanted`` and ``before``.

    Without ``before`` there is no such column.
    """
    parts = [head]
    for _, group in groupby(rows, key=lambda row: row.trial.name):
        found = list(group)
        lines = [_line(row, say) for row in found]
        heads = "| rule | before | measured | target | |\n|---|--:|--:|--:|---|"
        heads = heads if "before" in say else heads.replace(" before |", "").replace("--:|", "", 1)
        parts.append(f"## {found[0].trial.what}\n\n{_cell(found[0].trial.process)}.\n\n" + "\n".join([heads, *lines]))
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def _line(row: Row, say: dict[str, Callable[[Row], str]]) -> str:
    met = {None: "baseline", True: "met", False: "**missed**"}[row.met]
    past = [say["before"](row)] if "before" in say else []
    cells = _cell(row.target.rule), *past, say["measured"](row), say["wanted"](row) or "–", met
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
