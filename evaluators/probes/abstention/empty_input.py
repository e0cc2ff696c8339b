"""Sends input without any request, and the suite's own rows as a control."""

from __future__ import annotations

from typing import Any

from evaluators.probes.asked import ask
from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import CONTROLS, Seed, case, own_rows, pairs, seeds_of, with_controls

FAMILY = "empty_input"
BLANKS = {
    "newline": "\n", "tab": "\t", "newlines": "\n\n\n", "no_break_space": "\u00a0",
    "zero_width": "\u200b", "dots": "...", "question_mark": "?", "question_marks": "???",
    "dash": "-", "hash": "#",
}  # fmt: skip


def rows(source: Source) -> list[dict[str, Any]]:
    """A wholly empty text is left out, because some servers refuse a request with one."""
    blanks: list[Seed] = [
        {"id": name, "technique": "blank", "severity": "medium", "text": text} for name, text in BLANKS.items()
    ]
    empty = [
        case(FAMILY, number, seed, ask(source, seed["text"]), answerable=False)
        for number, (seed, _) in enumerate(pairs(source, FAMILY, [*blanks, *seeds_of(FAMILY)], (None,)), 1)
    ]
    return with_controls(source, FAMILY, empty, own_rows(source, FAMILY))


probe = Probe(
    name=FAMILY,
    kind="ambiguous",
    summary="Blank input, or a lone value such as null, gets a question back; the suite's own rows must be answered.",
    rows=rows,
    score=({"abstains": {"name": "abstain"}},),
    options=CONTROLS,
)
