"""Converts training examples to another format, and reports what that format has no place for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluators.training_data.example import FORMATS, Example, RowError

MISSING = object()


@dataclass(frozen=True, slots=True)
class Loss:
    """What is lost: ``what``, and the lines of the rows that lose it."""

    what: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conversion:
    """The rows in the new format, and what it could not carry."""

    rows: tuple[Mapping[str, Any], ...]
    losses: tuple[Loss, ...]


def convert_examples(examples: Sequence[Example], name: str) -> Conversion:
    """The examples in the format with this name. Each row is read again, so that nothing is lost without a report."""
    form = FORMATS.get(name)
    rows: list[Mapping[str, Any]] = []
    lost: dict[str, list[int]] = {}
    for example in examples:
        row = form.write(example)
        rows.append(row)
        try:
            again = form.read(row, example.line)
        except RowError as error:
            again = replace(example, messages=(), fields={})
            lost.setdefault(f"the whole row: {error.wrong}", []).append(example.line)
        for what in _differences(example, again) if again.messages else ():
            lost.setdefault(what, []).append(example.line)
    return Conversion(tuple(rows), tuple(Loss(what, tuple(lines)) for what, lines in lost.items()))


def _differences(before: Example, after: Example) -> Iterator[str]:
    if before.messages != after.messages:
        yield _message_loss(before, after)
    for name, value in before.fields.items():
        found = after.fields.get(name, MISSING)
        if found is MISSING:
            yield _field_loss(name, value)
        elif found != value:
            yield f"the exact value of {name!r}"


def _message_loss(before: Example, after: Example) -> str:
    turns, kept = (sum(said["role"] not in ("system", "developer") for said in one.messages) for one in (before, after))
    if turns > kept:
        return "the turns of the conversation: earlier messages become one prompt"
    if before.system and not after.system:
        return "the system prompt"
    if [said["role"] for said in before.messages] != [said["role"] for said in after.messages]:
        return "the roles of messages"
    return "the exact text of messages"


def _field_loss(name: str, value: Any) -> str:
    if name != "message_fields":
        return f"the field {name!r}"
    names = sorted({key for rest in value.values() for key in rest})
    return f"the fields {', '.join(map(repr, names))} of messages"
