"""Defines a format of training rows. The implementations are in `formats/`; each module there defines ``formats``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.training_data.example import Example
from fairtrial.domain.registry import Registry

Row = Mapping[str, Any]


class RowError(ValueError):
    """A row that its format cannot read; ``known`` says what the row has, or what the format needs."""

    def __init__(self, wrong: str, known: str = "") -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.known = known


@dataclass(frozen=True, slots=True)
class Format:
    """One format of rows.

    ``lacks`` names the fields that a row would need to be of this format. ``read`` takes a row and its line, and
    raises `RowError`. ``write`` is its inverse; fields that the format has no place for are not written.
    """

    name: str
    summary: str
    lacks: Callable[[Row], tuple[str, ...]]
    read: Callable[[Row, int], Example]
    write: Callable[[Example], dict[str, Any]]


FORMATS: Registry[Format] = Registry(
    "evaluators.training_data.formats", "formats", noun="format", kind=Format, name_of=lambda form: form.name
)
PRECEDENCE = ("preference", "chat", "sharegpt", "alpaca", "completion")
"""The formats that a file is recognised as. The others are dialects of chat: they can be read, written and named."""


def without(row: Row, *names: str) -> dict[str, Any]:
    """The other fields of a row, with its ``metadata`` flattened in."""
    rest = {name: value for name, value in row.items() if name not in names and name != "metadata"}
    metadata = row.get("metadata")
    if isinstance(metadata, Mapping):
        return {**metadata, **rest}
    return rest if metadata is None else {**rest, "metadata": metadata}


def text_of(row: Row, name: str) -> str:
    """A field as text; a number, a boolean or an object as JSON, and ``null`` as an empty text."""
    value = row.get(name)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
