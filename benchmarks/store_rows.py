"""Fills a store by SQL with the rows that the gateway would have recorded: ids by time, two experiments, errors.

One of the users is ``PERSON``, whom a benchmark may erase.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from fairtrial.domain.plan import Plan
from fairtrial.experiments.unit import pseudonym

PERSON = "unit-0"
PARAMETER = re.compile(r"\$(\w+)")
EACH = 20
"""Requests of a unit."""
DAYS = 30
SLICE = 500_000
"""Requests of one transaction."""
DAY_US = 86_400_000_000

MACROS = (
    "CREATE TEMP MACRO chance(i, salt) AS (hash(i * 32 + salt) % 1000003) / 1000003.0",
    """CREATE TEMP MACRO uuid7(at_us, random) AS
        format('{:08x}-{:04x}-7', (at_us // 1000) >> 16, (at_us // 1000) & 65535) || random[1:3] || '-'
        || substr('89ab', 1 + ascii(random) % 4, 1) || random[4:6] || '-' || random[7:18]""",
)
MADE = """
CREATE OR REPLACE TEMP TABLE made AS
SELECT *, make_timestamp(at_us) AS at_time, uuid7(at_us, md5('r' || i)) AS request_id,
    'chatcmpl-' || md5('c' || i) AS response_id,
    CASE WHEN u = 0 THEN $person ELSE md5('u' || u) END AS unit,
    CASE WHEN chance(i, 1) < 0.03 THEN NULL WHEN chance(u, 2) < 0.7 THEN $first ELSE $second END AS experiment,
    CASE WHEN chance(u, 3) < 0.5 THEN 'base' ELSE 'tuned' END AS arm, chance(u, 3) AS bucket,
    chance(i, 4) AS luck, chance(i, 5) AS said,
    round(exp(6.2 + 0.7 * sqrt(-2 * ln(chance(i, 6) + 1e-9)) * cos(6.28318 * chance(i, 7))), 3) AS latency_ms,
    (200 + hash(i) % 1000)::BIGINT AS tokens_in, (30 + hash(i + 1) % 400)::BIGINT AS tokens_out
FROM (
    SELECT i, $begin + (i * ($span / $count))::BIGINT AS at_us, (hash(i * 7) % $units)::BIGINT AS u
    FROM range($from, $until) numbers(i)
)
ORDER BY i
"""
OUTCOMES = """
CREATE OR REPLACE TEMP VIEW seen AS
SELECT *, experiment IS NOT NULL AS exposed, luck < 0.01 AS failed, luck >= 0.01 AND luck < 0.03 AS fell_back,
    CASE WHEN luck < 0.01 THEN 502 ELSE 200 END AS status, CASE WHEN luck < 0.01 THEN 'error' ELSE 'ok' END AS outcome,
    CASE WHEN experiment IS NULL THEN 'direct' WHEN luck >= 0.01 AND luck < 0.03 THEN 'fallback' ELSE 'assigned' END
        AS reason,
    CASE WHEN luck < 0.03 THEN 'failed' ELSE 'answered' END AS arm_outcome,
    CASE WHEN luck < 0.01 THEN 'failed' ELSE 'answered' END AS user_outcome,
    (0.0000004 * tokens_in + 0.0000016 * tokens_out)::DECIMAL(18, 9) AS cost_usd,
    CASE WHEN experiment IS NULL OR luck >= 0.01 AND luck < 0.03 THEN 'base' ELSE arm END AS served
FROM made
"""
INSERTS = (
    """INSERT INTO requests BY NAME SELECT request_id, at_time, 'chat.completions' AS endpoint,
        coalesce(experiment, 'direct') AS route, i % 3 = 0 AS stream, status, outcome, reason, 'plan' AS plan_hash,
        'w0' AS worker, 'app' AS key_id, served AS deployment, experiment,
        CASE WHEN exposed THEN arm END AS variant_assigned, CASE WHEN exposed THEN served END AS variant_served, unit,
        CASE WHEN failed THEN 'upstream_error' END AS error_type, latency_ms, round(latency_ms * 0.3, 3) AS ttft_ms,
        tokens_in, tokens_out, 0 AS tokens_cached, 'provider' AS usage_source, cost_usd, served AS model_served,
        response_id, 'stop' AS finish_reason, false AS refused, false AS refused_by_text, 0 AS retry_ordinal,
        MAP {} AS tags, 'redacted' AS capture, arm_outcome, user_outcome, false AS latency_censored,
        false AS schema_requested, md5('p' || i) AS prompt_digest, 'closed' AS breaker,
        CASE WHEN exposed THEN true END AS enrolled, CASE WHEN exposed THEN unit END AS exposed_unit,
        CASE WHEN exposed THEN 'user' END AS unit_kind, CASE WHEN exposed THEN bucket END AS enrol_bucket,
        CASE WHEN exposed THEN bucket END AS arm_bucket, CASE WHEN exposed THEN 0.5 END AS propensity,
        CASE WHEN exposed THEN 100 END AS stage, CASE WHEN exposed THEN 'running' END AS experiment_state,
        CASE experiment WHEN $first THEN $first_hash WHEN $second THEN $second_hash END AS analysis_hash FROM seen""",
    """INSERT INTO payloads SELECT request_id, at_time, '{"model":"bot","messages":[{"role":"user","content":"' ||
        repeat(md5('q' || i) || ' ', $body // 66) || '"}]}', '{"choices":[{"message":{"content":"' ||
        repeat(md5('a' || i) || ' ', $body // 66) || '"}}]}' FROM seen""",
    """INSERT INTO attempts BY NAME SELECT request_id, at_time, 0 AS ordinal, 'live' AS purpose,
        CASE WHEN exposed THEN arm ELSE 'base' END AS deployment, 'plan' AS plan_hash,
        CASE WHEN luck < 0.03 THEN 502 ELSE 200 END AS status,
        CASE WHEN luck < 0.03 THEN 'failed' ELSE 'answered' END AS outcome,
        CASE WHEN luck < 0.03 THEN 'upstream' END AS fault, latency_ms, round(latency_ms * 0.3, 3) AS ttft_ms,
        tokens_in, tokens_out, 'provider' AS usage_source, cost_usd FROM seen""",
    """INSERT INTO attempts BY NAME SELECT request_id, at_time, 1 AS ordinal, 'fallback' AS purpose,
        'base' AS deployment, 'plan' AS plan_hash, 200 AS status, 'answered' AS outcome, latency_ms,
        round(latency_ms * 0.3, 3) AS ttft_ms, tokens_in, tokens_out, 'provider' AS usage_source, cost_usd
        FROM seen WHERE fell_back""",
    """INSERT INTO feedback SELECT uuid7(at_us, md5('f' || i)), at_time + INTERVAL 1 MINUTE, 'resolved',
        CASE WHEN i % 2 = 0 THEN request_id END, NULL, chance(i, 8) < 0.6, NULL, NULL, NULL, NULL, NULL, 'app',
        CASE WHEN i % 2 = 1 THEN response_id END, [], true, request_id, 'request',
        CASE WHEN experiment IS NULL THEN [] ELSE [experiment] END,
        CASE WHEN experiment IS NULL THEN NULL ELSE at_time END, experiment,
        CASE WHEN experiment IS NULL THEN NULL ELSE arm END, CASE WHEN experiment IS NULL THEN NULL ELSE unit END
        FROM seen WHERE said < 0.05""",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many requests, with bodies of how many letters; who is the person, by the store's secret."""

    requests: int
    body: int
    plan: Plan
    pepper: str


def fill(connection: duckdb.DuckDBPyConnection, wanted: Wanted, on_slice: Callable[[int], None]) -> None:
    """Write the rows of the last thirty days, in the order of time, and nothing that is computed from them."""
    first, second = wanted.plan.experiments.values()
    named = {"first": first.name, "second": second.name}
    spread = {
        "begin": time.time_ns() // 1000 - DAYS * DAY_US,
        "span": float(DAYS * DAY_US),
        "count": wanted.requests,
        "units": max(1, wanted.requests // EACH),
        "person": pseudonym(wanted.pepper, PERSON),
    }
    known = named | {"first_hash": first.analysis_hash, "second_hash": second.analysis_hash, "body": wanted.body}
    for macro in MACROS:
        connection.execute(macro)
    for start in range(0, wanted.requests, SLICE):
        end = min(wanted.requests, start + SLICE)
        connection.execute(MADE, {**named, **spread, "from": start, "until": end})
        connection.execute(OUTCOMES)
        connection.execute("BEGIN TRANSACTION")
        for insert in INSERTS:
            connection.execute(insert, {name: known[name] for name in set(PARAMETER.findall(insert))})
        connection.execute("COMMIT")
        on_slice(end)
    connection.execute("CHECKPOINT")
