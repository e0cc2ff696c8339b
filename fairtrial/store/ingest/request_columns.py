"""Inserts requests into their three tables as Arrow columns, made from the events that the ingester has decoded."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from operator import attrgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct

from fairtrial.domain.answers.rewording import question_words
from fairtrial.domain.events import AttemptRecord, Exposure, RequestEvent
from fairtrial.domain.money.tokens import Tokens
from fairtrial.store.core.thread_access import Cursor

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")


def texts(values: Sequence[str | None]) -> pyarrow.Array:
    import pyarrow  # slow to load, and most commands store no request

    given = _filled(values, "")
    text = "".join(given)
    lengths = map(len, given) if text.isascii() else (len(value.encode()) for value in given)
    return _column(pyarrow.string(), values, given, [_offsets(lengths), text.encode()])


def whole_numbers(values: Sequence[int | None]) -> pyarrow.Array:
    import pyarrow

    given = _filled(values, 0)
    return _column(pyarrow.int64(), values, given, [array("q", given)])


def real_numbers(values: Sequence[float | None]) -> pyarrow.Array:
    import pyarrow

    given = _filled(values, 0.0)
    return _column(pyarrow.float64(), values, given, [array("d", given)])


def truths(values: Sequence[bool | None]) -> pyarrow.Array:
    import pyarrow

    given = _filled(values, False)
    return _column(pyarrow.bool_(), values, given, [_bits(given)])


def lists(values: Sequence[list[int] | None]) -> pyarrow.Array:
    """A column of lists of whole numbers of 32 bits."""
    import pyarrow

    return pyarrow.array(values, pyarrow.list_(pyarrow.uint32()))


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


def _filled(values: Sequence[T | None], empty: T) -> Sequence[T]:
    """The values themselves if none is missing."""
    return [empty if value is None else value for value in values] if None in values else values  # type: ignore[return-value]


def _column(
    kind: pyarrow.DataType, values: Sequence[Any], given: Sequence[Any], buffers: Sequence[Any]
) -> pyarrow.Array:
    """A column of these buffers of what `_filled` has given, which follow the buffer of its nulls."""
    import pyarrow

    valid = None if given is values else pyarrow.py_buffer(_bits([value is not None for value in values]))
    return pyarrow.Array.from_buffers(kind, len(values), [valid, *map(pyarrow.py_buffer, buffers)])


def _offsets(lengths: Iterable[int]) -> array[int]:
    return array("i", accumulate(lengths, initial=0))


def _bits(values: Sequence[Any]) -> bytes:
    """A bit for each value, from the least significant one of the first byte on."""
    digits = "".join(["1" if value else "0" for value in reversed(values)])
    return int(digits or "0", 2).to_bytes(len(values) // 8 + 1, "little")


_RENAMED: Mapping[type[Struct], Mapping[str, str]] = {
    RequestEvent: {"at_us": "at_time"},
    Exposure: {"unit": "exposed_unit", "state": "experiment_state"},
    AttemptRecord: {"at_us": "at_time"},
    Tokens: {
        "input": "tokens_in",
        "output": "tokens_out",
        "cached": "tokens_cached",
        "cache_write": "tokens_cache_write",
        "cache_write_1h": "tokens_cache_write_1h",
        "reasoning": "tokens_reasoning",
        "audio_in": "tokens_audio_in",
        "audio_out": "tokens_audio_out",
    },
}
"""The fields whose columns have other names."""
_APART = {"kind", "v", "exposure", "attempts", "tokens"}
"""The fields that are no column: what every line has, and the records within the record."""
_OF_LAST_ATTEMPT = ("deployment", "usage_source", "provider_request_id", "service_tier", "cost_basis")
"""The columns of a request that are those of its last attempt."""


def _columns_of(record: type[Struct]) -> dict[str, str]:
    """The columns of a record, each with its field."""
    fields = (name for name in record.__struct_fields__ if name not in _APART)
    return {_RENAMED[record].get(name, name): name for name in fields}


_REQUEST, _EXPOSURE, _ATTEMPT, _TOKENS = map(_columns_of, _RENAMED)
_LAST_ATTEMPT = {name: _ATTEMPT[name] for name in _OF_LAST_ATTEMPT}

_NO_EXPOSURE = SimpleNamespace(**dict.fromkeys(_EXPOSURE.values()))
_NO_TOKENS = Tokens()
_NO_ATTEMPT = SimpleNamespace(**dict.fromkeys(_LAST_ATTEMPT), tokens=None)
_NO_ATTEMPT.usage_source = "none"

_KINDS: Mapping[Any, Callable[[Sequence[Any]], Any]] = {
    int: whole_numbers,
    float: real_numbers,
    bool: truths,
    dict: tags,
}


def _makers(record: type[Struct]) -> Iterator[tuple[str, Callable[[Sequence[Any]], Any]]]:
    """Makes each column of a record by the type of its field; texts are all the others."""
    types = get_type_hints(record)
    for column, name in _columns_of(record).items():
        kinds = {get_origin(part) or part for part in (types[name], *get_args(types[name]))}
        yield column, next((make for kind, make in _KINDS.items() if kind in kinds), texts)


_MADE: Mapping[str, Callable[[Sequence[Any]], Any]] = {"ordinal": whole_numbers, "words": lists}
_MAKE = {**_MADE, **{name: make for record in _RENAMED for name, make in _makers(record)}}
"""Makes each column. DuckDB casts and checks whole numbers and times."""

BODIES = "request_body, response_body"
AT_TIME = "make_timestamp(at_time) AS at_time"
COST = "TRY_CAST(cost_usd AS DECIMAL(18, 9)) AS cost_usd"
"""A cost that is no number is unknown."""
SENDS_MORE = "enrolled AND exposed_unit <> '' AND unit_kind <> 'request'"
REQUESTS = f"""
INSERT INTO requests BY NAME SELECT * EXCLUDE ({BODIES}, words) REPLACE ({AT_TIME}, {COST}),
    CASE WHEN {SENDS_MORE} THEN words IS NOT NULL END AS question
FROM new_requests
"""  # noqa: S608 - ours
PAYLOADS = f"""
INSERT INTO payloads BY NAME SELECT request_id, {AT_TIME}, {BODIES} FROM new_requests
WHERE request_body IS NOT NULL OR response_body IS NOT NULL
"""  # noqa: S608 - ours
TURNS = f"""
INSERT INTO recent_turns
SELECT request_id, {AT_TIME}, experiment, exposed_unit, prompt_digest, coalesce(retry_ordinal, 0) > 0, words
FROM new_requests WHERE {SENDS_MORE}
"""  # noqa: S608 - ours
ATTEMPTS = f"INSERT INTO attempts BY NAME SELECT * REPLACE ({AT_TIME}, {COST}) FROM new_attempts"  # noqa: S608 - ours


def insert_requests(cursor: Cursor, events: Sequence[RequestEvent], *, secret: str) -> None:
    """Insert the events within the caller's transaction. ``secret``: the store's, for the words of questions.

    Raises `duckdb.Error`, and `ValueError` or `OverflowError` for a value that no column can hold.
    """
    calls = [(event, ordinal, call) for event in events for ordinal, call in enumerate(event.attempts)]
    if events:
        words = [question_words(secret, event.request_body) if _sends_more(event) else None for event in events]
        _insert(cursor, "new_requests", _of_requests(events) | {"words": words}, (REQUESTS, PAYLOADS, TURNS))
    if calls:
        requests, ordinals, attempts = zip(*calls, strict=True)
        _insert(cursor, "new_attempts", _of_attempts(requests, attempts) | {"ordinal": ordinals}, (ATTEMPTS,))


def _of_requests(events: Sequence[RequestEvent]) -> dict[str, Sequence[Any]]:
    """The deployment and tokens of the response are those of the last attempt. Its cost is that of all attempts."""
    last = [event.attempts[-1] if event.attempts else _NO_ATTEMPT for event in events]
    return {
        **_columns(events, _REQUEST),
        **_columns([event.exposure or _NO_EXPOSURE for event in events], _EXPOSURE),
        **_columns(last, _LAST_ATTEMPT),
        **_columns([call.tokens or _NO_TOKENS for call in last], _TOKENS),
        "cost_usd": [_cost(event) for event in events],
    }


def _sends_more(event: RequestEvent) -> bool:
    """Whether its unit is in an experiment and may send another request, as `SENDS_MORE`."""
    exposure = event.exposure
    return exposure is not None and exposure.enrolled and bool(exposure.unit) and exposure.unit_kind != "request"


def _cost(event: RequestEvent) -> str | None:
    """The costs of all attempts, of which a discarded one may be unknown; ``None`` if that of the answer is."""
    costs = [call.cost_usd for call in event.attempts]
    known = [cost for cost in costs if cost is not None]
    if not known or (costs[-1] is None and event.outcome == "ok"):
        return None
    if len(known) == 1:
        return known[0]
    try:
        return format(sum(map(Decimal, known)), "f")
    except InvalidOperation:
        return costs[-1]


def _of_attempts(requests: Sequence[RequestEvent], attempts: Sequence[AttemptRecord]) -> dict[str, Sequence[Any]]:
    return {
        **_columns(requests, {"request_id": "request_id", "plan_hash": "plan_hash"}),
        **_columns(attempts, _ATTEMPT),
        **_columns([call.tokens or _NO_TOKENS for call in attempts], _TOKENS),
    }


def _columns(rows: Sequence[Any], fields: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """The values of each column: the field of that name in each row."""
    return dict(zip(fields, zip(*map(attrgetter(*fields.values()), rows), strict=True), strict=True))


def _arrays(columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, pyarrow.Array]]:
    """Columns without any value, of which there are many, share an array."""
    empty: dict[Callable[[Sequence[Any]], Any], pyarrow.Array] = {}
    for name, values in columns.items():
        make = _MAKE[name]
        if values.count(None) < len(values):
            yield name, make(values)
            continue
        if make not in empty:
            empty[make] = make(values)
        yield name, empty[make]


def _insert(cursor: Cursor, name: str, columns: Mapping[str, Sequence[Any]], inserts: Sequence[str]) -> None:
    with cursor.reading(name, table(dict(_arrays(columns)))):
        for insert in inserts:
            cursor.execute(insert)
