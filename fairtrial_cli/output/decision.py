"""Prints the states of experiments, and what one has shown and decided, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def decision_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The result box, then the lines of each guardrail. ``found``: as `StoreClient.experiments.decision` returns it."""
    box, analysis = found["box"], found["analysis"]
    yield f"{found['experiment']}: {box['headline']}"
    for label, text in box["lines"]:
        yield f"  {label}: {text}"
    for one in analysis["guardrails"] if analysis is not None else ():
        known = one["control"] is not None or one["treatment"] is not None
        yield f"  {one['metric']}: " + (f"{one['levels']}; {one['room_words']}" if known else one["room_words"])
        for text in (one["weighed_words"], one["missing_words"], one["stops"]):
            if text:
                yield f"    {text[0].upper()}{text[1:]}."
    for note in box["notes"]:
        yield f"  {note}"


def error_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The errors of each variant per try and per call. ``rows``: as `StoreClient.experiments.errors` returns them."""
    if rows:
        yield "  Errors per try and per call of the client, which decide nothing:"
    for row in rows:
        own, users = (_failed(row, kind) for kind in ("", "user_"))
        yield f"    {row['variant']}: {own}; users saw {users}"


def _failed(row: Mapping[str, Any], kind: str) -> str:
    parts = ((row[f"{kind}failed_{what}"], row[f"{kind}{what}"], what) for what in ("tries", "calls"))
    return ", ".join(
        f"{part:,} of {whole:,} {what} ({100 * part / max(whole, 1):.1f} %)" for part, whole, what in parts
    )


def print_states(rows: Sequence[Mapping[str, Any]]) -> None:
    """The name of each experiment, and the sentence on its state."""
    from rich.console import Console

    from fairtrial_cli.output.table import columns, print_table

    cells = [(row["name"], row["sentence"]) for row in rows]
    print_table(Console(), columns("name", "state", prose=("state",)), cells, with_head=False)
