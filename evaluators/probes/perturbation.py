"""Makes changed copies of rows, splits texts into words, and reads how a copy must move the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from evaluators.generators.draw import Draw
from evaluators.probes.probe import ORIGINAL, Probe, Severity, Source, text_of, with_text

Change = Callable[[str, Draw], str]
"""A text and a draw of its own to the changed text; the same text if nothing can be changed."""

MUST = ("not lower", "not higher", "higher", "lower", "same", "change", "equal")
ORDERED = frozenset(MUST[:4])
DIRECTION_OPTIONS = {
    "field": "The field of the JSON answer; without it, the whole answer.",
    "must": "`not lower`, `not higher`, `higher` or `lower` in the order; `same`, `change`, or `equal` to `value`.",
    "order": "The values of the field from low to high; numbers need none.",
    "value": "With `equal`: the value that the field must have, such as `null`.",
}
PARTS = re.compile(r"\s+|\S+")
FIXED = re.compile(r"\d|@|://|[{}<>]")
"""Words that name a thing, such as order numbers and addresses: changing one changes the question."""
SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+")


def changed_rows(source: Source, family: str, change: Change, severity: Severity) -> list[dict[str, Any]]:
    """A changed copy of each drawn row, in the order of the suite; rows without a change are left out."""
    drawn = sorted(Draw(source.seed, "rows").shuffled(range(len(source.rows)))[: source.count])
    made = []
    for at in drawn:
        row = source.rows[at]
        text = text_of(source, row)
        changed = change(text, Draw(source.seed, f"{family}/{row['id']}"))
        if changed == text:
            continue
        made.append(
            {
                **with_text(source, row, changed),
                "id": f"{row['id']}~{family}",
                ORIGINAL: row["id"],
                "family": family,
                "technique": family,
                "severity": severity,
                "seed_id": row["id"],
            }
        )
    return made


def invariance(name: str, summary: str, change: Change, *, severity: Severity = "medium") -> Probe:
    """A family whose changed text must get the same answer as the original."""
    return Probe(
        name=name,
        kind="invariance",
        summary=summary,
        rows=lambda source: changed_rows(source, name, change, severity),
        score=({"keep": {}},),
        phrase="keep answer under",
    )


def direction_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The column ``direction`` of a copy; raises `ValueError`."""
    must, order, field = options.get("must"), options.get("order"), options.get("field")
    if must not in MUST:
        raise ValueError(f"must: {must!r} is not known (known: {', '.join(MUST)})")
    if order is not None and (not isinstance(order, list) or len(order) < 2):
        raise ValueError("order: list at least two values, from low to high")
    if order is not None and must not in ORDERED:
        raise ValueError(f"order: {must!r} needs no order")
    if (must == "equal") != ("value" in options):
        raise ValueError("value: give it with 'must: equal', and only then")
    if field is not None and not isinstance(field, str):
        raise ValueError("field: must be the name of a field")
    return {key: options[key] for key in ("field", "must", "order", "value") if key in options}


def parts_of(text: str) -> list[str]:
    """The words and the white space of a text, in order; joined, they are the text."""
    return PARTS.findall(text)


def may_change(word: str) -> bool:
    """Whether it is a word that can be written differently and still mean the same."""
    return any(char.isalpha() for char in word) and not FIXED.search(word)


def change_some(text: str, draw: Draw, change: Callable[[str, Draw], str], *, one_in: int) -> str:
    """The text with about every ``one_in``-th word changed, at least one if any can be."""
    parts = parts_of(text)
    able = [at for at, part in enumerate(parts) if may_change(part) and change(part, Draw(0, part)) != part]
    for at in draw.shuffled(able)[: max(1, len(able) // one_in)]:
        parts[at] = change(parts[at], draw)
    return "".join(parts)
