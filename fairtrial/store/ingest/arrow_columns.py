"""Makes Arrow columns from Python values; ``None`` becomes null.

`pyarrow.array` would load pandas, which takes a quarter of a second of CPU, to check for its types. Raises `ValueError`
or `OverflowError` for a value that the column can't hold.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow


def texts(values: Sequence[str | None]) -> pyarrow.Array:
    import pyarrow  # slow to load, and most commands store no request

    given = [value or "" for value in values]
    text = "".join(given)
    lengths = map(len, given) if text.isascii() else (len(value.encode()) for value in given)
    return _column(pyarrow.string(), values, [_offsets(lengths), text.encode()])


def whole_numbers(values: Sequence[int | None]) -> pyarrow.Array:
    import pyarrow

    return _column(pyarrow.int64(), values, [array("q", (value or 0 for value in values))])


def real_numbers(values: Sequence[float | None]) -> pyarrow.Array:
    import pyarrow

    return _column(pyarrow.float64(), values, [array("d", (value or 0 for value in values))])


def truths(values: Sequence[bool | None]) -> pyarrow.Array:
    import pyarrow

    return _column(pyarrow.bool_(), values, [_bits(values)])


def tags(values: Sequence[dict[str, str]]) -> pyarrow.Array:
    """A column of maps from text to text."""
    import pyarrow

    kind = pyarrow.map_(pyarrow.string(), pyarrow.string())
    names, contents = ([part for value in values for part in get(value)] for get in (dict.keys, dict.values))
    entries = pyarrow.StructArray.from_arrays([texts(names), texts(contents)], fields=list(kind.field(0).type))
    offsets = pyarrow.py_buffer(_offsets(map(len, values)))
    return pyarrow.Array.from_buffers(kind, len(values), [None, offsets], children=[entries])


def table(columns: Mapping[str, pyarrow.Array]) -> pyarrow.Table:
    import pyarrow

    return pyarrow.Table.from_arrays(list(columns.values()), list(columns))


def _column(kind: pyarrow.DataType, values: Sequence[Any], buffers: Sequence[Any]) -> pyarrow.Array:
    """A column with these buffers after that of its nulls."""
    import pyarrow

    valid = pyarrow.py_buffer(_bits([value is not None for value in values])) if None in values else None
    return pyarrow.Array.from_buffers(kind, len(values), [valid, *map(pyarrow.py_buffer, buffers)])


def _offsets(lengths: Iterable[int]) -> array[int]:
    return array("i", accumulate(lengths, initial=0))


def _bits(values: Sequence[Any]) -> bytes:
    """A bit for each value, from the least significant one of the first byte on."""
    digits = "".join(["1" if value else "0" for value in reversed(values)])
    return int(digits or "0", 2).to_bytes(len(values) // 8 + 1, "little")
