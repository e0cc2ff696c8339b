"""Adds a text that must move one field of the answer in one direction, such as "This is urgent."."""

from __future__ import annotations

from typing import Any

from evaluators.generators.draw import Draw
from evaluators.probes.direction import DIRECTION_OPTIONS, direction_of
from evaluators.probes.perturbation import changed_rows
from evaluators.probes.probe import Probe, Source


def rows(source: Source) -> list[dict[str, Any]]:
    """A copy of each row with one of the texts after it."""
    given = source.options.get("text")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
        raise ValueError("text: give the text to add, or a list of texts")

    def change(text: str, draw: Draw) -> str:
        return f"{text.rstrip()} {draw.one(texts)}"

    direction = direction_of(source.options)
    return [{**row, "direction": direction} for row in changed_rows(source, "added_text", change, "medium")]


probe = Probe(
    name="added_text",
    kind="directional",
    summary="A text is added that must move one field of the answer in one direction, or must not move it.",
    rows=rows,
    score=({"direction": {}},),
    options={"text": "The text to add, or a list from which one is drawn.", **DIRECTION_OPTIONS},
)
