"""Maps each kind of journal line to rows: the JSON columns to read, and the statements that insert them.

Requests of today are inserted by `request_columns`. `attempt` and `exposure` are lines of version 1 that came without
their request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairtrial.store.ingest import earlier_rows
from fairtrial.store.ingest.earlier_rows import typed_fields

JSON, NAMES = "JSON", "VARCHAR[]"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of line: its JSON fields with their types, and one insert for each table that it feeds.

    An insert selects from ``lines``, which stands for the lines of the batch.
    """

    fields: Mapping[str, str]
    inserts: tuple[str, ...]


ATTEMPTS = """
INSERT INTO attempts BY NAME
SELECT request_id, make_timestamp(at_us) AS at_time, ordinal, purpose, deployment, plan_hash, status, error_type,
    error_message, latency_ms, ttft_ms, tokens_in, tokens_out, usage_source,
    TRY_CAST(cost_usd AS DECIMAL(18, 9)) AS cost_usd
FROM lines
"""

EXPOSURES = """
INSERT INTO exposures
SELECT request_id, make_timestamp(at_us), experiment, assigned, served, reason, enrolled, unit, unit_kind,
    enrol_bucket, arm_bucket, propensity, stage, retry_ordinal, plan_hash, analysis_hash
FROM lines
"""
"""Only exposures whose request was not in the batch; they wait for it (`earlier_exposures`)."""

FEEDBACK = """
INSERT INTO feedback
SELECT feedback_id, make_timestamp(at_us), key, request_id, unit, boolean, number, category, comment, correction,
    idempotency_key, key_id, response_id, routes, declared, NULL, NULL, NULL, NULL, NULL, NULL, NULL
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
    fingerprint, seed, repeat, status, counts, metrics, versions, plan_hash, model
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
    "request_v1": Kind(earlier_rows.FIELDS, earlier_rows.INSERTS),
    "attempt": Kind(
        typed_fields(
            "request_id purpose deployment plan_hash error_type error_message usage_source cost_usd",
            whole="at_us ordinal status tokens_in tokens_out",
            real="latency_ms ttft_ms",
        ),
        (ATTEMPTS,),
    ),
    "exposure": Kind(
        typed_fields(
            "request_id experiment assigned served reason unit unit_kind plan_hash analysis_hash",
            whole="at_us retry_ordinal",
            real="enrol_bucket arm_bucket propensity stage",
            yes="enrolled",
        ),
        (EXPOSURES,),
    ),
    "feedback": Kind(
        typed_fields(
            "feedback_id key request_id unit category comment correction idempotency_key key_id response_id",
            whole="at_us",
            real="number",
            yes="boolean declared",
        )
        | {"routes": NAMES},
        (FEEDBACK,),
    ),
    "run": Kind(
        typed_fields(
            "run_id suite suite_digest target deployment_digest fingerprint status plan_hash model",
            whole="at_us ended_us seed repeat",
        )
        | {"counts": JSON, "metrics": JSON, "versions": JSON},
        (RUNS,),
    ),
    "suite": Kind(typed_fields("suite suite_digest text", whole="at_us"), (SUITE_TEXTS,)),
    "case_result": Kind(
        typed_fields(
            "run_id case_id outcome output error finish_reason request_id cluster expected refusal fingerprint asked",
            whole="repeat at_us tokens_in tokens_out",
            real="latency_ms ttft_ms cost_usd",
            yes="cached",
            words="tags",
        ),
        (RESULTS,),
    ),
    "score": Kind(
        typed_fields("run_id case_id metric label expected why details", whole="repeat at_us", real="value"),
        (SCORES,),
    ),
}
