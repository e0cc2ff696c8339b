"""Removes a text that one field of the answer is read from, such as the order number."""

from __future__ import annotations

import re
from typing import Any

from evaluators.generators.draw import Draw
from evaluators.probes.direction import DIRECTION_OPTIONS, direction_of
from evaluators.probes.perturbation import changed_rows
from evaluators.probes.probe import Probe, Source

MOST_CHARS = 20_000


def rows(source: Source) -> list[dict[str, Any]]:
    """A copy of each row in which the pattern occurs, without it; the copy has no reference."""
    given = source.options.get("pattern")
    try:
        pattern = re.compile(given if isinstance(given, str) else "")
    except re.error as error:
        raise ValueError(f"pattern: {given!r} is not a regular expression ({error})") from error
    if not pattern.pattern:
        raise ValueError("pattern: give the regular expression of the text to remove")

    def change(text: str, _: Draw) -> str:
        return " ".join(pattern.sub("", text).split()) if pattern.search(text[:MOST_CHARS]) else text

    direction = direction_of(source.options)
    return [{**row, "direction": direction} for row in changed_rows(source, "removed_text", change, "high")]


probe = Probe(
    name="removed_text",
    kind="directional",
    summary="A text is removed, such as the order number, and the field that was read from it must change.",
    rows=rows,
    score=({"direction": {}},),
    options={"pattern": "The regular expression of the text to remove.", **DIRECTION_OPTIONS},
)
