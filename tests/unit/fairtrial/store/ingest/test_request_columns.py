"""Columns that are built from buffers hold the values that they were made from."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.store.ingest import request_columns as columns
from tests.fixtures.for_each import for_each

MADE: dict[str, tuple[Any, list[Any]]] = {
    "texts": (columns.texts, ["a", None, "", "ü€😀", "x\0y", "last"]),
    "texts without a null": (columns.texts, ["a", "b"]),
    "only nulls": (columns.texts, [None, None]),
    "whole numbers": (columns.whole_numbers, [0, None, -(2**63), 2**63 - 1]),
    "real numbers": (columns.real_numbers, [1.5, None, 0.0, 1e300]),
    "truths of two bytes": (columns.truths, [True, None, False, None, True, False, True, True, None, True]),
    "no values": (columns.truths, []),
}


@for_each("name", MADE)
def test_a_column_holds_its_values(name: str) -> None:
    make, values = MADE[name]
    column = make(values)
    column.validate(full=True)
    assert column.to_pylist() == values


def test_a_column_of_tags_holds_each_map() -> None:
    given = [{}, {"a": "ü", "b": ""}, {}, {"c": "d"}]
    column = columns.tags(given)
    column.validate(full=True)
    assert [dict(pairs) for pairs in column.to_pylist()] == given


def test_a_number_beyond_a_bigint_is_refused() -> None:
    with pytest.raises(OverflowError):
        columns.whole_numbers([2**63])
