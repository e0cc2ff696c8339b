"""Makes Arrow columns from Python values; ``None`` becomes null.

`pyarrow.array` would load pandas, which takes a quarter of a second and 50 MB, to check for its types. Raises
`ValueError` or `OverflowError` for a value that the column can't hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow


def texts(values: Sequence[str | None]) -> pyarrow.Array:
    import pyarrow  # slow to load, and most commands store no request

    given = values if None not in values else [value or "" for value in values]
    text = "".join(given)  # type: ignore[arg-type]
    lengths = map(len, given if text.isascii() else [value.encode() for value in given])  # type: ignore[arg-type, union-attr]
    return _column(pyarrow.string(), values, given is values, [_offsets(lengths), text.encode()])


def numbers(values: Sequence[float | None], kind: str) -> pyarrow.Array:
    """``kind``: ``int64`` or ``float64``."""
    import pyarrow

    given = values if None not in values else [0 if value is None else value for value in values]
    return _column(pyarrow.type_for_alias(kind), values, given is values, [np.array(given, kind)])


def truths(values: Sequence[bool | None]) -> pyarrow.Array:
    import pyarrow

    return _column(pyarrow.bool_(), values, None not in values, [_bits(values)])


def tags(values: Sequence[Mapping[str, str]]) -> pyarrow.Array:
    """A column of maps from text to text."""
    import pyarrow

    pairs = [pair for value in values for pair in value.items()]
    entries = pyarrow.StructArray.from_arrays(
        [texts([name for name, _ in pairs]), texts([value for _, value in pairs])],
        fields=list(pyarrow.map_(pyarrow.string(), pyarrow.string()).field(0).type),
    )
    kind = pyarrow.map_(pyarrow.string(), pyarrow.string())
    offsets = pyarrow.py_buffer(_offsets(map(len, values)))
    return pyarrow.Array.from_buffers(kind, len(values), [None, offsets], children=[entries])


def table(columns: Sequence[pyarrow.Array], names: Sequence[str]) -> pyarrow.Table:
    import pyarrow

    return pyarrow.Table.from_arrays(columns, names)


def _column(kind: Any, values: Sequence[Any], complete: bool, buffers: Sequence[Any]) -> pyarrow.Array:
    """A column with these buffers after that of its nulls."""
    import pyarrow

    valid = None if complete else pyarrow.py_buffer(_bits([value is not None for value in values]))
    return pyarrow.Array.from_buffers(kind, len(values), [valid, *map(pyarrow.py_buffer, buffers)])


def _offsets(lengths: Any) -> np.ndarray:
    return np.fromiter(accumulate(lengths, initial=0), np.int32)


def _bits(values: Sequence[Any]) -> np.ndarray:
    return np.packbits(np.array(values, bool), bitorder="little")
