"""Maps the lines of requests to rows of `requests`, `payloads` and `attempts`: today's lines, and joined earlier ones.

A field that a line leaves out is unknown, so its column is NULL, except where the writer leaves out a default. Version
1 lacks some of these fields, so they are unknown there.
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
    finish_reason refused arm_outcome user_outcome"""
"""Columns with the names of the fields."""
_NEW = "refused_by_text schema_valid prompt_digest trace_id span_id breaker"
_COUNTS = {
    "tokens_in": "input",
    "tokens_out": "output",
    "tokens_cached": "cached",
    "tokens_cache_write": "cache_write",
    "tokens_reasoning": "reasoning",
    "tokens_audio_in": "audio_in",
    "tokens_audio_out": "audio_out",
}
_EXPOSED = "enrolled unit_kind enrol_bucket arm_bucket propensity stage"
_CALLED = "purpose deployment status error_type error_message latency_ms ttft_ms"

_FIELDS = typed_fields(
    "request_id endpoint route outcome reason plan_hash worker key_id experiment variant_assigned variant_served unit"
    " error_type error_code model_served system_fingerprint response_id finish_reason capture request_body"
    " response_body arm_outcome user_outcome",
    whole="at_us status retry_ordinal",
    real="latency_ms ttft_ms",
    yes="stream refused",
    words="tags",
)
_ATTEMPT = typed_fields(
    "purpose deployment error_type error_message usage_source cost_usd", whole="at_us status", real="latency_ms ttft_ms"
)
_EXPOSURE = typed_fields(
    "unit unit_kind analysis_hash", real="enrol_bucket arm_bucket propensity stage", yes="enrolled"
)

FIELDS: Mapping[str, str] = {
    **_FIELDS,
    **typed_fields("prompt_digest trace_id span_id breaker"),
    **typed_fields(yes="latency_censored refused_by_text schema_requested schema_valid"),
    "exposure": _struct(_EXPOSURE | typed_fields("state")),
    "attempts": _struct(
        _ATTEMPT
        | typed_fields("outcome fault error_code provider_request_id")
        | {"tokens": _struct(dict.fromkeys(_COUNTS.values(), WHOLE))}
    )
    + "[]",
}
"""The fields of today's lines."""


def _counts(tokens: str) -> dict[str, str]:
    return {column: f"{tokens}.{field}" for column, field in _COUNTS.items()}


_BOTH = {
    **{name: name for name in _SAME.split()},
    "at_time": "make_timestamp(at_us)",
    "stream": "coalesce(stream, false)",
    "retry_ordinal": "coalesce(retry_ordinal, 0)",
    "tags": f"coalesce(tags, MAP {{}}::{WORDS})",
    "capture": "coalesce(capture, 'none')",
    **{name: f"exposure.{name}" for name in _EXPOSED.split()},
    "exposed_unit": "exposure.unit",
    "analysis_hash": "CASE WHEN exposure IS NOT NULL THEN coalesce(exposure.analysis_hash, '') END",
}
_TODAY = {
    **_BOTH,
    **{name: name for name in _NEW.split()},
    "latency_censored": "coalesce(latency_censored, false)",
    "schema_requested": "coalesce(schema_requested, false)",
    "experiment_state": "exposure.state",
    "deployment": "last.deployment",
    "usage_source": "coalesce(last.usage_source, 'none')",
    "cost_usd": _cost("last.cost_usd"),
    "provider_request_id": "last.provider_request_id",
    **_counts("last.tokens"),
}
_ATTEMPTED = {
    "request_id": "request_id",
    "at_time": "make_timestamp(a.at_us)",
    **{name: f"a.{name}" for name in _CALLED.split()},
    "usage_source": "coalesce(a.usage_source, 'none')",
    "cost_usd": _cost("a.cost_usd"),
}
_PAYLOADS = """
INSERT INTO payloads
SELECT request_id, make_timestamp(at_us), request_body, response_body
FROM lines
WHERE request_body IS NOT NULL OR response_body IS NOT NULL
"""
INSERTS = (
    _insert("requests", _TODAY, "(SELECT *, attempts[-1] AS last FROM lines)"),
    _PAYLOADS,
    _insert(
        "attempts",
        {
            **_ATTEMPTED,
            **{name: f"a.{name}" for name in ("outcome", "fault", "error_code", "provider_request_id")},
            **_counts("a.tokens"),
            "ordinal": "nth - 1",
            "plan_hash": "plan_hash",
        },
        "(SELECT request_id, plan_hash, unnest(attempts) AS a, generate_subscripts(attempts, 1) AS nth FROM lines)",
    ),
)
"""The response's deployment, tokens and cost are those of the last attempt."""

FIELDS_V1: Mapping[str, str] = {
    **_FIELDS,
    **typed_fields("deployment usage_source cost_usd", whole="tokens_in tokens_out"),
    "exposure": _struct(_EXPOSURE | typed_fields("experiment assigned served reason")),
    "attempts": _struct(_ATTEMPT | typed_fields("plan_hash", whole="ordinal tokens_in tokens_out")) + "[]",
}
"""The fields of lines of version 1 that `earlier_lines` has joined."""
_PLACED = {"experiment": "experiment", "variant_assigned": "assigned", "variant_served": "served", "reason": "reason"}
"""What both a request and its exposure have in version 1. The exposure's was analysed."""
INSERTS_V1 = (
    _insert(
        "requests",
        {
            **_BOTH,
            **{column: f"coalesce(exposure.{field}, {column})" for column, field in _PLACED.items()},
            **{name: name for name in ("deployment", "usage_source", "tokens_in", "tokens_out")},
            "cost_usd": _cost("cost_usd"),
        },
        "lines",
    ),
    _PAYLOADS,
    _insert(
        "attempts",
        _ATTEMPTED | {name: f"a.{name}" for name in ("ordinal", "plan_hash", "tokens_in", "tokens_out")},
        "(SELECT request_id, unnest(attempts) AS a FROM lines)",
    ),
)
