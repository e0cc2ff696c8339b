"""Maps requests of version 1, whose lines `earlier_lines` has joined, to `requests`, `payloads` and `attempts`.

Columns for fields that version 1 lacks are NULL, because they are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

TEXT, WHOLE, REAL, YES, WORDS = "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "MAP(VARCHAR, VARCHAR)"


def typed_fields(texts: str = "", *, whole: str = "", real: str = "", yes: str = "", words: str = "") -> dict[str, str]:
    """JSON fields by name, each with its type."""
    typed = ((texts, TEXT), (whole, WHOLE), (real, REAL), (yes, YES), (words, WORDS))
    return {name: type_ for fields, type_ in typed for name in fields.split()}


def _struct(fields: Mapping[str, str]) -> str:
    return f"STRUCT({', '.join(f'{name} {type_}' for name, type_ in fields.items())})"


def _cost(of: str) -> str:
    return f"TRY_CAST({of} AS DECIMAL(18, 9))"


def _insert(table: str, columns: Mapping[str, str], source: str) -> str:
    selected = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"INSERT INTO {table} BY NAME SELECT {selected} FROM {source}"  # noqa: S608 - ours


_SAME = """request_id endpoint route status outcome reason plan_hash worker key_id experiment variant_assigned
    variant_served unit error_type error_code latency_ms ttft_ms model_served system_fingerprint response_id
    finish_reason refused arm_outcome user_outcome deployment usage_source tokens_in tokens_out"""
"""Columns with the names of the fields."""
_EXPOSED = "enrolled unit_kind enrol_bucket arm_bucket propensity stage"
_CALLED = """purpose deployment status error_type error_message latency_ms ttft_ms ordinal plan_hash tokens_in
    tokens_out"""

FIELDS: Mapping[str, str] = {
    **typed_fields(
        "request_id endpoint route outcome reason plan_hash worker key_id deployment experiment variant_assigned"
        " variant_served unit error_type error_code usage_source cost_usd model_served system_fingerprint response_id"
        " finish_reason capture request_body response_body arm_outcome user_outcome",
        whole="at_us status retry_ordinal tokens_in tokens_out",
        real="latency_ms ttft_ms",
        yes="stream refused",
        words="tags",
    ),
    "exposure": _struct(
        typed_fields(
            "experiment assigned served reason unit unit_kind analysis_hash",
            real="enrol_bucket arm_bucket propensity stage",
            yes="enrolled",
        )
    ),
    "attempts": _struct(
        typed_fields(
            "purpose deployment plan_hash error_type error_message usage_source cost_usd",
            whole="at_us status ordinal tokens_in tokens_out",
            real="latency_ms ttft_ms",
        )
    )
    + "[]",
}
_PLACED = {"experiment": "experiment", "variant_assigned": "assigned", "variant_served": "served", "reason": "reason"}
"""What both a request and its exposure have. The exposure's was analysed."""
_REQUESTS = {
    **{name: name for name in _SAME.split()},
    "at_time": "make_timestamp(at_us)",
    "stream": "coalesce(stream, false)",
    "retry_ordinal": "coalesce(retry_ordinal, 0)",
    "tags": f"coalesce(tags, MAP {{}}::{WORDS})",
    "capture": "coalesce(capture, 'none')",
    "cost_usd": _cost("cost_usd"),
    **{name: f"exposure.{name}" for name in _EXPOSED.split()},
    "exposed_unit": "exposure.unit",
    "analysis_hash": "CASE WHEN exposure IS NOT NULL THEN coalesce(exposure.analysis_hash, '') END",
    **{column: f"coalesce(exposure.{field}, {column})" for column, field in _PLACED.items()},
}
_PAYLOADS = """
INSERT INTO payloads
SELECT request_id, make_timestamp(at_us), request_body, response_body
FROM lines
WHERE request_body IS NOT NULL OR response_body IS NOT NULL
"""
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
