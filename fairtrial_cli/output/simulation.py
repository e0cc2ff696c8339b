"""Prints simulated trials: how often each end comes for each candidate, and what that means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fairtrial.experiments.simulation.scenario import Scenario
from fairtrial.experiments.simulation.summary import Share, Summary

Results = Sequence[tuple[Scenario, Summary]]
ENDS = {
    "ships": "ships",
    "stopped": "stopped for harm",
    "worse": "ends: called worse",
    "better": "ends: good, but a guardrail is not proven safe",
    "undecided": "ends undecided",
}


def print_simulation(console: Console, name: str, results: Results) -> None:
    """Print one table, with a column for each candidate, and its meaning in sentences."""
    runs = results[0][1].runs
    table = Table(title=escape(f"{name}: {runs:,} trials each"), title_justify="left", title_style="bold", box=None)
    table.add_column("the candidate is")
    for scenario, _ in results:
        table.add_column(escape(scenario.name), justify="right")
    for end, words in ENDS.items():
        table.add_row(words, *(_percent(found.ends[end]) for _, found in results))
    table.add_row("primary metric decided for it", *(_percent(found.decided) for _, found in results))
    for guardrail in results[0][1].safe:
        table.add_row(escape(f"{guardrail} proven safe"), *(_percent(found.safe[guardrail]) for _, found in results))
    table.add_row("split called wrong, though right", *(_percent(found.invalid) for _, found in results))
    table.add_row("days until it ships", *(_days(found.ends["ships"]) for _, found in results))
    table.add_row("days until it is stopped", *(_days(found.ends["stopped"]) for _, found in results))
    console.print(table)
    console.print()
    for line in _meaning(results):
        console.print(line, highlight=False)
    console.print("± is one standard error. Days and units of an arm are medians.", style="dim")


def simulation_json(results: Results) -> list[dict[str, Any]]:
    """The results for a program."""
    return [{"candidate": one.name, "truth": one.truth, **asdict(found)} for one, found in results]


def _meaning(results: Results) -> Iterator[str]:
    for scenario, found in results:
        ships, stopped = found.ends["ships"], found.ends["stopped"]
        who = escape(f"A candidate with {scenario.name}" if scenario.name.startswith("no") else f"One {scenario.name}")
        if scenario.truth == "worse":
            yield f"{who}: this plan ships it in {_percent(ships)} of the trials, and stops it in {_percent(stopped)}."
        else:
            wrongly = f"wrongly stops it in {_percent(stopped)}"
            yield f"{who}: this plan ships it in {_percent(ships)} of the trials, and {wrongly}."


def _percent(found: Share) -> str:
    return f"{100 * found.share:.1f} % ± {100 * found.error:.1f}"


def _days(found: Share) -> str:
    if found.days is None or found.units is None:
        return "–"
    return f"{found.days:.1f} ({found.units:,.0f} units)"
