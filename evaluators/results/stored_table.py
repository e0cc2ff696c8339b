"""Converts the stored columns of a run to a `RunTable`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pyarrow

from evaluators.results.run_table import (
    OUTCOME,
    SCORED,
    Details,
    Floats,
    Ints,
    Marks,
    RunTable,
    Tag,
    clusters_of,
    firsts_of,
)
from fairtrial.domain.events import RunEvent, head_of_event

SCORE, STATE = "score:", "state:"
AT_ONCE = 4096
"""How many details are converted to Python strings at a time."""


def table_from(columns: pyarrow.Table, details: Callable[[str], pyarrow.Table]) -> RunTable:
    """The run of a store's columns; both arguments are as `fairtrial.store.evaluations.run_columns` gives them."""
    run = msgspec.json.decode(columns.schema.metadata[b"run"], type=RunEvent)
    case_of, ids = _encoded(columns["case_id"])
    firsts = firsts_of(case_of)
    outcomes, names = _encoded(columns["outcome"])
    states = _named(columns, STATE)
    return RunTable(
        **head_of_event(run),
        case_ids=ids,
        case_of=case_of,
        outcomes=np.array([OUTCOME[name] for name in names], dtype=np.uint8)[outcomes],
        failed=_marks(columns["failed"]),
        cached=_marks(columns["cached"]),
        latency_ms=_floats(columns["latency_ms"]),
        tokens_out=_floats(columns["tokens_out"]),
        cost_usd=_floats(columns["cost_usd"]),
        values=_named(columns, SCORE),
        states=states,
        tags=_tags(columns["tags"], firsts),
        clusters=_clusters(columns["cluster"], firsts, ids),
        details=partial(_details, details, states),
    )


def _encoded(column: Any) -> tuple[Ints, tuple[str, ...]]:
    """Each text as an index into the distinct texts, which are in the order of their first appearance."""
    found = _whole(column).dictionary_encode()
    return np.from_dlpack(found.indices).astype(np.intp), tuple(found.dictionary.to_pylist())


def _whole(column: Any) -> Any:
    """The column as one array, without chunks."""
    return column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column


def _floats(column: Any) -> Floats:
    """A column of numbers; Arrow's `to_numpy` is not used, because it loads pandas."""
    return np.asarray(np.from_dlpack(_whole(column)), dtype=np.float64)


def _marks(column: Any) -> Marks:
    return np.from_dlpack(_whole(column).cast(pyarrow.uint8())).astype(np.bool_)


def _named(columns: pyarrow.Table, prefix: str) -> dict[str, Any]:
    names = [name for name in columns.column_names if name.startswith(prefix)]
    return {name.removeprefix(prefix): np.from_dlpack(_whole(columns[name])) for name in names}


def _tags(column: Any, firsts: Ints) -> dict[str, Tag]:
    """Each tag of every case, from the case's first result."""
    maps = _whole(column)
    offsets = np.from_dlpack(maps.offsets)
    inside = slice(int(offsets[0]), int(offsets[-1])) if len(offsets) else slice(0)
    of_result = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    keys, tags = _encoded(maps.keys[inside])
    values, texts = _encoded(maps.items[inside])
    found = {}
    for at, tag in enumerate(tags):
        mine = keys == at
        codes = np.full(len(maps), -1, dtype=np.intp)
        codes[of_result[mine]] = values[mine]
        found[tag] = _tag(codes[firsts], texts)
    return found


def _tag(codes: Ints, texts: Sequence[str]) -> Tag:
    """The tag with only the texts that occur, in the order of their first appearance."""
    met, at = np.unique(codes, return_index=True)
    order = [int(code) for code in met[np.argsort(at)] if code >= 0]
    place = np.full(len(texts) + 1, -1, dtype=np.intp)  # the last element stands for none
    place[order] = np.arange(len(order))
    return Tag(place[codes], tuple(texts[code] for code in order))


def _clusters(column: Any, firsts: Ints, ids: Sequence[str]) -> Ints | None:
    if column.null_count == len(column):
        return None
    names = column.to_pylist()
    return clusters_of([names[at] for at in firsts], ids)


def _details(read: Callable[[str], pyarrow.Table], states: dict[str, Any], scorer: str) -> Iterator[Details | None]:
    """The details row by row, so that only one is decoded at a time."""
    state = states.get(scorer)
    if state is None:
        return
    texts = _texts(read(scorer))
    place, text = next(texts, (-1, ""))
    for at, scored in enumerate((state == SCORED).tolist()):
        found: Details | None = {} if scored else None
        while place == at:
            found = msgspec.json.decode(text) if scored else None
            place, text = next(texts, (-1, ""))
        yield found


def _texts(table: pyarrow.Table) -> Iterator[tuple[int, str]]:
    for batch in table.to_batches(max_chunksize=AT_ONCE):
        yield from zip(batch["place"].to_pylist(), batch["details"].to_pylist(), strict=True)
