"""Maps each kind of journal line to rows: the JSON columns to read, and the statements that insert them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TEXT, WHOLE, REAL, YES, WORDS, JSON = "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "MAP(VARCHAR, VARCHAR)", "JSON"
NAMES = "VARCHAR[]"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of line: its JSON fields with their types, and one insert for each table that it feeds.

    An insert selects from ``lines``, which stands for the chunk file. ``near``: the insert also binds ``$since`` and
    ``$until``, one minute around the lines, to bound what it looks up in time.
    """

    fields: Mapping[str, str]
    inserts: tuple[str, ...]
    near: bool = False


def _fields(
    texts: str = "", *, whole: str = "", real: str = "", yes: str = "", words: str = "", names: str = ""
) -> dict[str, str]:
    typed = ((texts, TEXT), (whole, WHOLE), (real, REAL), (yes, YES), (words, WORDS), (names, NAMES))
    return {name: type_ for fields, type_ in typed for name in fields.split()}


REQUESTS = """
INSERT INTO requests
SELECT request_id, make_timestamp(at_us), endpoint, route, stream, status, outcome, reason, plan_hash, worker, key_id,
    deployment, experiment, variant_assigned, variant_served, unit, error_type, error_code, latency_ms, ttft_ms,
    tokens_in, tokens_out, usage_source, TRY_CAST(cost_usd AS DECIMAL(18, 9)), model_served, system_fingerprint,
    response_id, finish_reason, refused, retry_ordinal, tags, capture, arm_outcome, user_outcome
FROM lines
"""

PAYLOADS = """
INSERT INTO payloads
SELECT request_id, make_timestamp(at_us), request_body, response_body
FROM lines
WHERE request_body IS NOT NULL OR response_body IS NOT NULL
"""

ATTEMPTS = """
INSERT INTO attempts
SELECT attempt_id, request_id, make_timestamp(at_us), ordinal, purpose, deployment, plan_hash, status, error_type,
    error_message, latency_ms, ttft_ms, tokens_in, tokens_out, usage_source, TRY_CAST(cost_usd AS DECIMAL(18, 9))
FROM lines
"""

EXPOSURES = """
INSERT INTO exposures
SELECT e.request_id, make_timestamp(e.at_us), e.experiment, assigned, served, e.reason, enrolled, e.unit, unit_kind,
    enrol_bucket, arm_bucket, propensity, stage, e.retry_ordinal, e.plan_hash, analysis_hash,
    r.at_time, r.outcome, r.arm_outcome, r.user_outcome, r.latency_ms, r.ttft_ms, r.tokens_in, r.tokens_out, r.cost_usd
FROM (SELECT * FROM lines) e LEFT JOIN (
    SELECT * FROM requests WHERE at_time >= $since AND at_time <= $until
) r ON r.request_id = e.request_id
"""
"""The request's line comes first, so its row usually exists; otherwise `exposure_figures` fills it in later."""

FEEDBACK = """
INSERT INTO feedback
SELECT feedback_id, make_timestamp(at_us), key, request_id, unit, boolean, number, category, comment, correction,
    idempotency_key, key_id, response_id, routes, declared, NULL, NULL, NULL, NULL, NULL, NULL
FROM (
    SELECT *, row_number() OVER (PARTITION BY coalesce(key_id, ''), idempotency_key ORDER BY at_us, feedback_id) AS nth
    FROM lines
) sent ANTI JOIN (
    SELECT coalesce(key_id, '') AS sender, idempotency_key AS mark FROM feedback WHERE idempotency_key IS NOT NULL
) stored ON stored.mark = sent.idempotency_key AND stored.sender = coalesce(sent.key_id, '')
WHERE idempotency_key IS NULL OR nth = 1
"""
"""A value sent again with its `idempotency_key` is stored once for each API key.

`attribution` finds its subject later, when the requests are in the store too.
"""

RUNS = """
INSERT INTO runs
SELECT run_id, make_timestamp(at_us), make_timestamp(ended_us), suite, suite_digest, target, deployment_digest,
    fingerprint, seed, repeat, status, counts, metrics, versions, plan_hash
FROM lines
"""

SUITE_TEXTS = """
INSERT INTO suite_texts
SELECT make_timestamp(at_us), suite, suite_digest, sha256(text), text
FROM lines
"""

RESULTS = """
INSERT INTO results
SELECT run_id, case_id, repeat, make_timestamp(at_us), outcome, output, error, latency_ms, ttft_ms, tokens_in,
    tokens_out, finish_reason, cached, request_id, tags, cluster, expected, refusal, fingerprint, cost_usd, asked
FROM lines
"""

SCORES = """
INSERT INTO scores
SELECT run_id, case_id, repeat, make_timestamp(at_us), metric, value, label, expected, why, details
FROM lines
"""

KINDS: Mapping[str, Kind] = {
    "request": Kind(
        _fields(
            "request_id endpoint route outcome reason plan_hash worker key_id deployment experiment variant_assigned"
            " variant_served unit error_type error_code usage_source cost_usd model_served system_fingerprint"
            " response_id finish_reason capture request_body response_body arm_outcome user_outcome",
            whole="at_us status tokens_in tokens_out retry_ordinal",
            real="latency_ms ttft_ms",
            yes="stream refused",
            words="tags",
        ),
        (REQUESTS, PAYLOADS),
    ),
    "attempt": Kind(
        _fields(
            "attempt_id request_id purpose deployment plan_hash error_type error_message usage_source cost_usd",
            whole="at_us ordinal status tokens_in tokens_out",
            real="latency_ms ttft_ms",
        ),
        (ATTEMPTS,),
    ),
    "exposure": Kind(
        _fields(
            "request_id experiment assigned served reason unit unit_kind plan_hash analysis_hash",
            whole="at_us retry_ordinal",
            real="enrol_bucket arm_bucket propensity stage",
            yes="enrolled",
        ),
        (EXPOSURES,),
        near=True,
    ),
    "feedback": Kind(
        _fields(
            "feedback_id key request_id unit category comment correction idempotency_key key_id response_id",
            whole="at_us",
            real="number",
            yes="boolean declared",
            names="routes",
        ),
        (FEEDBACK,),
    ),
    "run": Kind(
        _fields(
            "run_id suite suite_digest target deployment_digest fingerprint status plan_hash",
            whole="at_us ended_us seed repeat",
        )
        | {"counts": JSON, "metrics": JSON, "versions": JSON},
        (RUNS,),
    ),
    "suite": Kind(_fields("suite suite_digest text", whole="at_us"), (SUITE_TEXTS,)),
    "case_result": Kind(
        _fields(
            "run_id case_id outcome output error finish_reason request_id cluster expected refusal fingerprint asked",
            whole="repeat at_us tokens_in tokens_out",
            real="latency_ms ttft_ms cost_usd",
            yes="cached",
            words="tags",
        ),
        (RESULTS,),
    ),
    "score": Kind(
        _fields("run_id case_id metric label expected why details", whole="repeat at_us", real="value"),
        (SCORES,),
    ),
}
