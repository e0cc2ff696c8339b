"""Prints task metrics on training, validation, test and unseen cases side by side, and the verdict, or JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from evaluators.overfitting.generalisation import PART, PARTS, Generalisation, Level
from evaluators.results.run_table import RunTable
from evaluators.suite import Suite
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial_cli.output.table import columns, print_table

Runs = tuple[RunTable, RunTable]


def print_overfitting(found: Generalisation, suite: Suite, runs: Runs) -> None:
    """Print the verdict, both models' levels on each part with 95 % intervals, and where the runs are."""
    console = Console()
    candidate, base = runs
    console.print(Text(f"{candidate.target} against {base.target}", style="bold"))
    console.print(Text(found.in_words, style="red" if found.answer == "overfitted" else ""), soft_wrap=True)
    parts = [part for part in PARTS if part in suite.values.get(PART, ())]
    counts = {part: sum(case.tags.get(PART) == part for case in suite.cases) for part in parts}
    rows: list[tuple[str, ...]] = []
    for one in found.metrics:
        rows.append((one.metric, candidate.target, *_levels(one.candidate), _interval(one.excess)))
        rows.append(("", base.target, *_levels(one.base), ""))
    head = columns("score", "model", *(f"{part} ({counts[part]})" for part in parts), "gap beyond the base")
    print_table(console, head, rows)
    console.print(
        Text(f"The gap is that from training to {found.held_out} cases, in points, with the interval that decides."),
        soft_wrap=True,
    )
    console.print(
        Text(f"fairtrial runs show {candidate.run_id} --against {base.run_id}   ({suite.name})"), soft_wrap=True
    )


def overfitting_json(found: Generalisation, suite: Suite, runs: Runs) -> dict[str, Any]:
    """The report for a program."""
    candidate, base = runs
    return {
        **asdict(found),
        "says": found.in_words,
        "candidate": candidate.target,
        "base": base.target,
        "runs": [{"suite": suite.name, "candidate": candidate.run_id, "base": base.run_id}],
    }


def _levels(levels: tuple[Level, ...]) -> list[str]:
    return [_level(one.value) for one in levels]


def _level(value: Estimate | NotEnough) -> str:
    if isinstance(value, NotEnough):
        return "–"
    return f"{100 * value.value:.0f} % ({100 * value.low:.0f} to {100 * value.high:.0f})"


def _interval(found: Estimate | NotEnough) -> str:
    if isinstance(found, NotEnough):
        return str(found)
    return f"{100 * found.value:+.0f} ({100 * found.low:+.0f} to {100 * found.high:+.0f})"
