"""Prints the states of experiments, and what one has shown and decided, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def decision_lines(found: Mapping[str, Any], *, running: bool) -> Iterator[str]:
    """The result, then one line for each guardrail. ``found``: what `StoreClient.experiments.decision` returns.

    The sentence of an experiment that does not run begins with its state, so its primary metric alone is shown.
    """
    analysis = found["analysis"]
    if analysis is None:
        return
    if running:
        yield found["sentence"]
    else:
        yield from (one["sentence"] for one in analysis["primary"] if one["sentence"])
    for one in analysis["guardrails"]:
        known = one["control"] is not None or one["treatment"] is not None
        yield f"{one['metric']}: " + (f"{one['levels']}; {one['room_words']}" if known else one["room_words"])


def print_states(rows: Sequence[Mapping[str, Any]]) -> None:
    """The name of each experiment, and the sentence on its state."""
    from rich.console import Console

    from fairtrial_cli.output.table import columns, print_table

    cells = [(row["name"], row["sentence"]) for row in rows]
    print_table(Console(), columns("name", "state", prose=("state",)), cells, with_head=False)
