"""Finds the class of each training example, by which a hold-out is stratified."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.training_data.example import Example
from fairtrial.config.file.errors import nearest
from fairtrial.domain.errors import UsageError

COMPLETION = "completion"
MOST_CLASSES, ROWS_PER_CLASS = 50, 5
"""What counts as classes: at most so many values, with on average at least so many rows each."""
USUAL_COLUMNS = ("label", "class", "category", "intent")
UNLABELLED = "(none)"


@dataclass(frozen=True, slots=True)
class Classes:
    """The class of each example; ``name`` is the column, or ``None`` if nothing in the rows looks like classes."""

    name: str | None
    values: tuple[str, ...]


def classes_of(examples: Sequence[Example], name: str | None = None) -> Classes:
    """The classes by the named column: a field, a key of the JSON completion, or ``completion`` itself.

    Without a name, it is a usual column, the completion, or the first key of the JSON completions, whichever first has
    few enough values. Raises `UsageError` for a name that no row has.
    """
    if name is not None:
        return _named(examples, name)
    keys = dict.fromkeys(key for one in examples for key in one.labels)
    candidates = [*USUAL_COLUMNS, *([] if keys else [COMPLETION]), *keys]
    for candidate in candidates:
        values = tuple(_value(one, candidate) for one in examples)
        if _are_classes(values):
            return Classes(candidate, values)
    return Classes(None, ("",) * len(examples))


def value_of(example: Example, name: str) -> str | None:
    """A field, or a key of the JSON completion, as text; ``None`` if the example has neither."""
    for source in (example.fields, example.labels):
        if name in source:
            return _text(source[name])
    return example.completion.strip() if name == COMPLETION else None


def column_names(examples: Sequence[Example]) -> list[str]:
    """The names that `value_of` knows of these examples."""
    return list(dict.fromkeys(key for one in examples for source in (one.fields, one.labels) for key in source))


def _named(examples: Sequence[Example], name: str) -> Classes:
    if not any(value_of(one, name) is not None for one in examples):
        raise UsageError(f"--label: no row has {name!r} ({nearest(name, [*column_names(examples), COMPLETION])})")
    return Classes(name, tuple(_value(one, name) for one in examples))


def _value(example: Example, name: str) -> str:
    found = value_of(example, name)
    return UNLABELLED if found is None else found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _are_classes(values: Sequence[str]) -> bool:
    distinct = Counter(value for value in values if value != UNLABELLED)
    known = sum(distinct.values())
    most = min(MOST_CLASSES, known / ROWS_PER_CLASS)
    return known > len(values) / 2 and 2 <= len(distinct) <= most
