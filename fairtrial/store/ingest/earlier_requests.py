"""Reads requests of version 1: joins their lines, and maps them to `requests`, `payloads` and `attempts`."""

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from fairtrial.domain.events import AttemptRecord
from fairtrial.journal.reader import AttemptEventV1, EventV1, ExposureEventV1, RequestEventV1

_encode = msgspec.json.Encoder().encode
_WORDS = "MAP(VARCHAR, VARCHAR)"
_TYPES: Mapping[Any, str] = {
    dict[str, str]: _WORDS,
    dict[str, int]: "JSON",
    dict[str, float | None]: "JSON",
    list[str]: "VARCHAR[]",
    list[float | None]: "DOUBLE[]",
    int: "BIGINT",
    float: "DOUBLE",
    bool: "BOOLEAN",
}
"""By the type of a field; all others are text."""
_APART = {"kind", "v", "exposure", "attempts"}
"""What every line has, and the records within a request."""

_SAME = """request_id endpoint route status outcome reason plan_hash worker key_id experiment variant_assigned
    variant_served unit error_type error_code latency_ms ttft_ms model_served system_fingerprint response_id
    finish_reason refused arm_outcome user_outcome deployment usage_source tokens_in tokens_out"""
"""Columns with the names of the fields."""
_EXPOSED = "enrolled unit_kind enrol_bucket arm_bucket propensity stage"
_CALLED = """purpose deployment status error_type error_message latency_ms ttft_ms ordinal plan_hash tokens_in
    tokens_out"""
_PLACED = {"experiment": "experiment", "variant_assigned": "assigned", "variant_served": "served", "reason": "reason"}
"""What both a request and its exposure have. The exposure's was analysed."""
_PAYLOADS = """
INSERT INTO payloads
SELECT request_id, make_timestamp(at_us), request_body, response_body
FROM lines
WHERE request_body IS NOT NULL OR response_body IS NOT NULL
"""


class EarlierLines:
    """The events of version 1 of one batch."""

    def __init__(self) -> None:
        self._requests: list[RequestEventV1] = []
        self._attempts: list[AttemptEventV1] = []
        self._exposures: list[ExposureEventV1] = []

    def add(self, event: EventV1) -> None:
        """Add an event in the order of the journal."""
        if isinstance(event, RequestEventV1):
            self._requests.append(event)
        elif isinstance(event, AttemptEventV1):
            self._attempts.append(event)
        else:
            self._exposures.append(event)

    def joined(self) -> dict[str, list[bytes]]:
        """Lines by kind (`batch.KINDS`): joined requests, and the lines that belong to none of them."""
        attempts: dict[str, list[AttemptEventV1]] = {event.request_id: [] for event in self._requests}
        exposures: dict[str, ExposureEventV1] = {}
        lines: dict[str, list[bytes]] = {"request_v1": [], "attempt": [], "exposure": []}
        for attempt in self._attempts:
            if attempt.request_id in attempts:
                attempts[attempt.request_id].append(attempt)
            else:
                lines["attempt"].append(_line(attempt))
        for exposure in self._exposures:
            if exposure.request_id in attempts and exposure.request_id not in exposures:
                exposures[exposure.request_id] = exposure
            else:
                lines["exposure"].append(_line(exposure))
        for request in self._requests:
            own, exposed = attempts.pop(request.request_id, []), exposures.pop(request.request_id, None)
            lines["request_v1"].append(_line(asdict(request) | {"attempts": own, "exposure": exposed}))
        return {kind: joined for kind, joined in lines.items() if joined}


def _line(event: EventV1 | dict[str, Any]) -> bytes:
    return _encode(event) + b"\n"


def json_columns(event: type[Struct]) -> dict[str, str]:
    """The JSON fields of an event, each with its type in DuckDB."""
    hints = {name: hint for name, hint in get_type_hints(event).items() if name not in _APART}
    parts = {name: (hint, *get_args(hint)) for name, hint in hints.items()}
    return {name: next((_TYPES[part] for part in of if part in _TYPES), "VARCHAR") for name, of in parts.items()}


def _struct(fields: Mapping[str, str]) -> str:
    return f"STRUCT({', '.join(f'{name} {type_}' for name, type_ in fields.items())})"


def _cost(of: str) -> str:
    return f"TRY_CAST({of} AS DECIMAL(18, 9))"


def _insert(table: str, columns: Mapping[str, str], source: str) -> str:
    selected = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"INSERT INTO {table} BY NAME SELECT {selected} FROM {source}"  # noqa: S608 - ours


ATTEMPT = _struct(json_columns(AttemptRecord) | {"tokens": "STRUCT(input BIGINT, output BIGINT)"})
"""The record of one upstream call as it stands in a line."""
FIELDS: Mapping[str, str] = {
    **json_columns(RequestEventV1),
    "exposure": _struct(json_columns(ExposureEventV1)),
    "attempts": f"{_struct(json_columns(AttemptEventV1))}[]",
}
_REQUESTS = {
    **{name: name for name in _SAME.split()},
    "at_time": "make_timestamp(at_us)",
    "stream": "coalesce(stream, false)",
    "retry_ordinal": "coalesce(retry_ordinal, 0)",
    "tags": f"coalesce(tags, MAP {{}}::{_WORDS})",
    "capture": "coalesce(capture, 'none')",
    "cost_usd": _cost("cost_usd"),
    **{name: f"exposure.{name}" for name in _EXPOSED.split()},
    "exposed_unit": "exposure.unit",
    "analysis_hash": "CASE WHEN exposure IS NOT NULL THEN coalesce(exposure.analysis_hash, '') END",
    **{column: f"coalesce(exposure.{field}, {column})" for column, field in _PLACED.items()},
}
_ATTEMPTS = {
    "request_id": "request_id",
    "at_time": "make_timestamp(a.at_us)",
    **{name: f"a.{name}" for name in _CALLED.split()},
    "usage_source": "coalesce(a.usage_source, 'none')",
    "cost_usd": _cost("a.cost_usd"),
}
INSERTS = (
    _insert("requests", _REQUESTS, "lines"),
    _PAYLOADS,
    _insert("attempts", _ATTEMPTS, "(SELECT request_id, unnest(attempts) AS a FROM lines)"),
)
