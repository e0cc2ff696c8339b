"""Converts the stored columns of a run to a `RunTable`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from evaluators.results import run_table
from fairtrial.domain.events import RunEvent, head_of_event
from fairtrial.domain.run import REPLACEMENTS

if TYPE_CHECKING:
    import pyarrow


SCORE, STATE = "score:", "state:"
AT_ONCE = 4096
"""How many details are converted to Python strings at a time."""


Read = Callable[[str], "pyarrow.Table"]
"""Reads the details of one scorer."""


@dataclass(frozen=True, slots=True)
class StoredControls:
    """Reads the negative controls of a stored run, and the details of one scorer on them."""

    scores: Callable[[], pyarrow.Table]
    details: Read


def table_from(columns: pyarrow.Table, details: Read, controls: StoredControls | None = None) -> run_table.RunTable:
    """The run of a store's columns; all arguments are as `fairtrial.store.evaluations.run_columns` gives them."""
    run = msgspec.json.decode(columns.schema.metadata[b"run"], type=RunEvent)
    case_of, ids = _encoded(columns["case_id"])
    firsts = run_table.firsts_of(case_of)
    outcomes, names = _encoded(columns["outcome"])
    states = _named(columns, STATE)
    return run_table.RunTable(
        **head_of_event(run),
        case_ids=ids,
        case_of=case_of,
        outcomes=np.array([run_table.OUTCOME[name] for name in names], dtype=np.uint8)[outcomes],
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
        answers=np.asarray(np.from_dlpack(_whole(columns["answer"])), dtype=np.uint64),
        controls=run_table.no_controls if controls is None else partial(_controls, controls, states),
    )


def _controls(read: StoredControls, states: dict[str, Any]) -> run_table.Controls | None:
    columns = read.scores()
    numbers = range(1, len(REPLACEMENTS) + 1)
    outcomes = np.array([_control_outcomes(columns[f"outcome{number}"]) for number in numbers], dtype=np.uint8)
    if (outcomes == run_table.NO_DONOR).all():
        return None
    metrics = dict.fromkeys(name.rpartition(":")[0] for name in columns.column_names if ":" in name)
    values = {
        metric: np.array([_floats(columns[f"{metric}:{number}"]) for number in numbers], dtype=np.float64)
        for metric in metrics
    }
    return run_table.Controls(outcomes, values, partial(_control_details, read.details, states))


def _control_outcomes(column: Any) -> list[int]:
    return [run_table.NO_DONOR if name is None else run_table.OUTCOME[name] for name in column.to_pylist()]


def _control_details(
    read: Read, states: dict[str, Any], scorer: str
) -> Iterator[list[run_table.Details | None] | None]:
    texts = _texts(read(scorer))
    place, text = next(texts, (-1, ""))
    for at in range(len(states[scorer])):
        row: list[run_table.Details | None] | None = None
        if place == at:
            row = [details or None for details in msgspec.json.decode(text, type=list[dict[str, Any]])]
            place, text = next(texts, (-1, ""))
        yield row


def _encoded(column: Any) -> tuple[run_table.Ints, tuple[str, ...]]:
    """Each text as an index into the distinct texts, which are in the order of their first appearance."""
    encoded = _whole(column).dictionary_encode()
    return np.from_dlpack(encoded.indices).astype(np.intp), tuple(encoded.dictionary.to_pylist())


def _whole(column: Any) -> Any:
    """The column as one array, without chunks."""
    import pyarrow  # only stored runs need it

    return column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column


def _floats(column: Any) -> run_table.Floats:
    """A column of numbers; Arrow's `to_numpy` is not used, because it loads pandas."""
    return np.asarray(np.from_dlpack(_whole(column)), dtype=np.float64)


def _marks(column: Any) -> run_table.Marks:
    import pyarrow  # only stored runs need it

    return np.from_dlpack(_whole(column).cast(pyarrow.uint8())).astype(np.bool_)


def _named(columns: pyarrow.Table, prefix: str) -> dict[str, Any]:
    names = [name for name in columns.column_names if name.startswith(prefix)]
    return {name.removeprefix(prefix): np.from_dlpack(_whole(columns[name])) for name in names}


def _tags(column: Any, firsts: run_table.Ints) -> dict[str, run_table.Tag]:
    """Each tag of every case, from the case's first result."""
    maps = _whole(column)
    offsets = np.from_dlpack(maps.offsets)
    inside = slice(int(offsets[0]), int(offsets[-1])) if len(offsets) else slice(0)
    of_result = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    keys, tags = _encoded(maps.keys[inside])
    values, texts = _encoded(maps.items[inside])
    tables = {}
    for at, tag in enumerate(tags):
        mine = keys == at
        codes = np.full(len(maps), -1, dtype=np.intp)
        codes[of_result[mine]] = values[mine]
        tables[tag] = _tag(codes[firsts], texts)
    return tables


def _tag(codes: run_table.Ints, texts: Sequence[str]) -> run_table.Tag:
    """The tag with only the texts that occur, in the order of their first appearance."""
    met, at = np.unique(codes, return_index=True)
    order = [int(code) for code in met[np.argsort(at)] if code >= 0]
    place = np.full(len(texts) + 1, -1, dtype=np.intp)  # the last element stands for none
    place[order] = np.arange(len(order))
    return run_table.Tag(place[codes], tuple(texts[code] for code in order))


def _clusters(column: Any, firsts: run_table.Ints, ids: Sequence[str]) -> run_table.Ints | None:
    if column.null_count == len(column):
        return None
    names = column.to_pylist()
    return run_table.clusters_of([names[at] for at in firsts], ids)


def _details(read: Read, states: dict[str, Any], scorer: str) -> Iterator[run_table.Details | None]:
    """The details row by row, so that only one is decoded at a time."""
    state = states.get(scorer)
    if state is None:
        return
    texts = _texts(read(scorer))
    place, text = next(texts, (-1, ""))
    for at, scored in enumerate((state == run_table.SCORED).tolist()):
        row: run_table.Details | None = {} if scored else None
        while place == at:
            row = msgspec.json.decode(text) if scored else None
            place, text = next(texts, (-1, ""))
        yield row


def _texts(table: pyarrow.Table) -> Iterator[tuple[int, str]]:
    for batch in table.to_batches(max_chunksize=AT_ONCE):
        yield from zip(batch["place"].to_pylist(), batch["details"].to_pylist(), strict=True)
