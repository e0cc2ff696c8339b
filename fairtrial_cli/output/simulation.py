"""Prints simulated trials: how often each end comes for each candidate, and what that means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from fairtrial.experiments.simulation.scenario import Scenario
from fairtrial.experiments.simulation.summary import Share, Summary
from fairtrial_cli.output.table import columns, print_table

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
    console.print(Text(f"{name}: {runs:,} trials each", style="bold"))
    names = [scenario.name for scenario, _ in results]
    print_table(console, columns("the candidate is", *names, numbers=names), list(_rows(results)))
    console.print()
    for line in _meaning(results):
        console.print(line, highlight=False)
    console.print("± is one standard error. Days and units of an arm are medians.", style="dim")


def _rows(results: Results) -> Iterator[tuple[str, ...]]:
    for end, words in ENDS.items():
        yield words, *(_percent(found.ends[end]) for _, found in results)
    yield "primary metric decided for it", *(_percent(found.decided) for _, found in results)
    for guardrail in results[0][1].safe:
        yield f"{guardrail} proven safe", *(_percent(found.safe[guardrail]) for _, found in results)
    yield "split called wrong, though right", *(_percent(found.invalid) for _, found in results)
    yield "days until it ships", *(_days(found.ends["ships"]) for _, found in results)
    yield "days until it is stopped", *(_days(found.ends["stopped"]) for _, found in results)


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
