"""Adds or removes a text that must move one field of the answer in one direction, such as "This is urgent."."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from evaluators.probes.probe import Probe, Severity, Source
from evaluators.probes.rows import DIRECTION_OPTIONS, Draw, RandomChange, changed_rows, direction_of

MOST_CHARS = 20_000


def added(options: Mapping[str, Any]) -> RandomChange:
    """One of the texts after the row's own."""
    given = options.get("text")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise ValueError("text: give the text to add, or a list of texts")
    return lambda text, draw: f"{text.rstrip()} {draw.one(texts)}"


def removed(options: Mapping[str, Any]) -> RandomChange:
    """The row's text without the pattern; rows without it stay."""
    given = options.get("pattern")
    try:
        pattern = re.compile(given if isinstance(given, str) else "")
    except re.error as error:
        raise ValueError(f"pattern: {given!r} is not a regular expression ({error})") from error
    if not pattern.pattern:
        raise ValueError("pattern: give the regular expression of the text to remove")

    def change(text: str, _: Draw) -> str:
        return " ".join(pattern.sub("", text).split()) if pattern.search(text[:MOST_CHARS]) else text

    return change


def _directional(
    name: str, summary: str, change: Callable[[Mapping[str, Any]], RandomChange], severity: Severity, **options: str
) -> Probe:
    """A family whose changed text must move the answer in the direction of its options."""

    def rows(source: Source) -> list[dict[str, Any]]:
        changed, direction = change(source.options), direction_of(source.options)
        return [{**row, "direction": direction} for row in changed_rows(source, name, changed, severity)]

    return Probe(
        name=name,
        kind="directional",
        summary=summary,
        rows=rows,
        score=({"direction": {}},),
        options={**options, **DIRECTION_OPTIONS},
    )


probes = (
    _directional(
        "added_text",
        "A text is added that must move one field of the answer in one direction, or must not move it.",
        added,
        "medium",
        text="The text to add, or a list from which one is drawn.",
    ),
    _directional(
        "removed_text",
        "A text is removed, such as the order number, and the field that was read from it must change.",
        removed,
        "high",
        pattern="The regular expression of the text to remove.",
    ),
)
