"""The columns that a store keeps of a run, as a table that measures are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pyarrow

from evaluators.run_table import OUTCOME, SCORED, Details, Floats, Ints, RunTable, Tag, clusters_of, firsts_of
from fairtrial.domain.events import RunEvent

SCORE, STATE = "score:", "state:"


def table_from(columns: pyarrow.Table, details: Callable[[str], pyarrow.Table]) -> RunTable:
    """The run of a store's columns (see `fairtrial.store.run_columns`), ``details`` as that gives them."""
    run = msgspec.json.decode(columns.schema.metadata[b"run"], type=RunEvent)
    case_of, ids = _encoded(columns["case_id"])
    firsts = firsts_of(case_of)
    outcomes, names = _encoded(columns["outcome"])
    states = _named(columns, STATE)
    return RunTable(
        run_id=run.run_id,
        suite=run.suite,
        suite_digest=run.suite_digest,
        target=run.target,
        deployment_digest=run.deployment_digest,
        seed=run.seed,
        repeat=run.repeat,
        started_us=run.at_us,
        metrics=run.metrics,
        versions=run.versions,
        interrupted=run.status == "interrupted",
        case_ids=ids,
        case_of=case_of,
        outcomes=np.array([OUTCOME[name] for name in names], dtype=np.uint8)[outcomes],
        failed=columns["failed"].to_numpy(),
        cached=columns["cached"].to_numpy(),
        latency_ms=_numbers(columns["latency_ms"]),
        tokens_out=_numbers(columns["tokens_out"]),
        cost_usd=_numbers(columns["cost_usd"]),
        values=_named(columns, SCORE),
        states=states,
        tags=_tags(columns["tags"], firsts),
        clusters=clusters_of(columns["cluster"].take(firsts).to_pylist(), ids),
        details=partial(_details, details, states),
    )


def _encoded(column: Any) -> tuple[Ints, tuple[str, ...]]:
    """Each text as its place among the distinct ones, which are in the order of their first appearance."""
    found = column.combine_chunks().dictionary_encode()
    if isinstance(found, pyarrow.ChunkedArray):
        found = found.chunk(0)
    return found.indices.to_numpy().astype(np.intp), tuple(found.dictionary.to_pylist())


def _numbers(column: Any) -> Floats:
    return np.asarray(column.cast(pyarrow.float64()).to_numpy(), dtype=np.float64)


def _named(columns: pyarrow.Table, prefix: str) -> dict[str, Any]:
    names = [name for name in columns.column_names if name.startswith(prefix)]
    return {name.removeprefix(prefix): columns[name].to_numpy() for name in names}


def _tags(column: Any, firsts: Ints) -> dict[str, Tag]:
    """Each tag of every case, from the map of its first result."""
    maps = column.combine_chunks()
    if isinstance(maps, pyarrow.ChunkedArray):
        maps = maps.chunk(0)
    maps = maps.take(pyarrow.array(firsts))
    sizes = np.diff(maps.offsets.to_numpy())
    case = np.repeat(np.arange(len(sizes)), sizes)
    start, end = maps.offsets[0].as_py(), maps.offsets[len(sizes)].as_py()
    keys, texts = maps.keys[start:end].dictionary_encode(), maps.items[start:end]
    which = keys.indices.to_numpy()
    found = {}
    for at, tag in enumerate(keys.dictionary.to_pylist()):
        mine = which == at
        values = texts.filter(pyarrow.array(mine)).dictionary_encode()
        codes = np.full(len(sizes), -1, dtype=np.intp)
        codes[case[mine]] = values.indices.to_numpy()
        found[tag] = Tag(codes, tuple(values.dictionary.to_pylist()))
    return found


def _details(read: Callable[[str], pyarrow.Table], states: dict[str, Any], scorer: str) -> Iterator[Details | None]:
    """Row after row, so that never more than one is decoded."""
    state = states.get(scorer)
    if state is None:
        return
    table = read(scorer)
    texts = zip(table["place"].to_numpy().tolist(), table["details"].to_pylist(), strict=True)
    place, text = next(texts, (-1, ""))
    for at, scored in enumerate((state == SCORED).tolist()):
        found: Details | None = {} if scored else None
        while place == at:
            found = msgspec.json.decode(text) if scored else None
            place, text = next(texts, (-1, ""))
        yield found
