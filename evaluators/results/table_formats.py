"""Converts the stored columns of a run to a `RunTable`, and a table to the JSON values of evidence and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from evaluators.results import run_table
from fairtrial.domain.errors import UsageError
from fairtrial.domain.events import RunEvent, head_of_event

if TYPE_CHECKING:
    import pyarrow


SCORE, STATE = "score:", "state:"
AT_ONCE = 4096
"""How many details are converted to Python strings at a time."""

HEAD = (
    "run_id", "suite", "suite_digest", "target", "deployment_digest", "seed", "repeat", "started_us", "interrupted",
    "model", "fingerprint",
)  # fmt: skip
MEASURED = ("latency_ms", "tokens_out", "cost_usd")
"""Columns that are kept only if a line measures them."""


def table_from(columns: pyarrow.Table, details: Callable[[str], pyarrow.Table]) -> run_table.RunTable:
    """The run of a store's columns; both arguments are as `fairtrial.store.evaluations.run_columns` gives them."""
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
    )


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


def _details(
    read: Callable[[str], pyarrow.Table], states: dict[str, Any], scorer: str
) -> Iterator[run_table.Details | None]:
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


def written_table(
    run: run_table.RunTable,
    *,
    tags: Collection[str],
    scorers: Collection[str],
    measured: bool,
    details: Collection[str],
) -> dict[str, Any]:
    """The run as JSON values. ``tags``: the slices; ``scorers``: those of which corpus figures need the ``details``.

    ``measured``: whether latency, tokens and cost are kept.
    """
    unknown = [None] * run.n
    return {
        **{name: getattr(run, name) for name in HEAD},
        "versions": dict(run.versions),
        "case_ids": list(run.case_ids),
        "case_of": run.case_of.tolist(),
        "outcomes": run.outcomes.tolist(),
        "failed": run.failed.astype(int).tolist(),
        "cached": run.cached.astype(int).tolist(),
        **{name: _numbers(getattr(run, name)) if measured else unknown for name in MEASURED},
        "values": {metric: _numbers(values) for metric, values in run.values.items()},
        "states": {scorer: states.tolist() for scorer, states in run.states.items()},
        "tags": {name: [tag.codes.tolist(), list(tag.texts)] for name, tag in run.tags.items() if name in tags},
        "clusters": None if run.clusters is None else run.clusters.tolist(),
        "details": {scorer: [_kept(row, details) for row in run.details(scorer)] for scorer in sorted(scorers)},
    }


def read_table(fields: Mapping[str, Any]) -> run_table.RunTable:
    """The inverse of `written_table`; raises `KeyError`, `TypeError` or `ValueError` for other content."""
    rows: Mapping[str, list[run_table.Details | None]] = fields["details"]

    def details(scorer: str) -> Iterable[run_table.Details | None]:
        return rows[scorer]

    clusters = fields["clusters"]
    head: dict[str, Any] = {name: fields[name] for name in HEAD}
    measured: dict[str, Any] = {name: _floats_of_json(fields[name]) for name in MEASURED}
    return run_table.RunTable(
        **head,
        **measured,
        metrics={},
        versions=fields["versions"],
        case_ids=tuple(fields["case_ids"]),
        case_of=np.array(fields["case_of"], dtype=np.intp),
        outcomes=np.array(fields["outcomes"], dtype=np.uint8),
        failed=np.array(fields["failed"], dtype=bool),
        cached=np.array(fields["cached"], dtype=bool),
        values={metric: _floats_of_json(values) for metric, values in fields["values"].items()},
        states={scorer: np.array(states, dtype=np.uint8) for scorer, states in fields["states"].items()},
        tags={
            name: run_table.Tag(np.array(codes, dtype=np.intp), tuple(texts))
            for name, (codes, texts) in fields["tags"].items()
        },
        clusters=None if clusters is None else np.array(clusters, dtype=np.intp),
        details=details,
    )


def _numbers(values: run_table.Floats) -> list[float | int | None]:
    """JSON numbers; whole ones without a fraction if all are whole, unknown ones as null."""
    unknown = np.isnan(values)
    whole = bool(np.all(np.mod(values[~unknown], 1) == 0))
    numbers: list[float | int | None] = np.where(unknown, 0, values).astype(np.int64 if whole else np.float64).tolist()
    for at in np.flatnonzero(unknown):
        numbers[at] = None
    return numbers


def _floats_of_json(numbers: Iterable[float | None]) -> run_table.Floats:
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)


def _kept(details: run_table.Details | None, names: Collection[str]) -> run_table.Details | None:
    return None if details is None else {name: value for name, value in details.items() if name in names}


class UnreadableEvidence(UsageError):
    """Stored evidence that can't be read; the message says why."""


def text_of(document: bytes) -> str:
    """The document as JSON text; raises `UnreadableEvidence`."""
    try:
        return zlib.decompress(document).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise UnreadableEvidence(f"the stored evidence is damaged ({error})") from error


def strict_json_of(document: bytes) -> str:
    """The document as JSON for other programs; raises `UnreadableEvidence`.

    The stored text may have numbers that JSON does not allow. They become the texts "NaN", "Infinity" and "-Infinity".
    """
    text = text_of(document)
    try:
        content = json.loads(text, parse_constant=str)
        return json.dumps(content, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise UnreadableEvidence(f"the stored evidence can't be read ({error})") from error
