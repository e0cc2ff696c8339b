"""Lists requests and feedback, and reads one request with its attempts and bodies."""

from collections.abc import Mapping, Sequence

from msgspec import convert
from msgspec.structs import replace

from fairtrial.api.traffic_answers import RecordedRequest
from fairtrial.domain.limits.constants import MINUTE_US
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Position, Query, after

COLUMNS = """request_id, at_time, endpoint, route, stream, status, outcome, reason, plan_hash, worker, key_id,
    deployment, experiment, variant_assigned, variant_served, unit, error_type, error_code, latency_ms, ttft_ms,
    tokens_in, tokens_out, usage_source, cost_usd, model_served, system_fingerprint, response_id, finish_reason,
    refused, retry_ordinal, tags, capture, arm_outcome, user_outcome"""

LIST = f"""
SELECT {COLUMNS}
FROM requests
WHERE at_time >= $1 AND at_time < $2 AND (at_time < $5 OR request_id < $6){{filters}}
ORDER BY at_time DESC, request_id DESC
LIMIT $3 OFFSET $4
"""  # noqa: S608 - the columns are a constant
FILTERS: Mapping[str, str] = {
    "experiment": "experiment = {}",
    "variant": "variant_assigned = {}",
    "outcome": "outcome = {}",
    "route": "route = {}",
    "deployment": "deployment = {}",
    "key_id": "key_id = {}",
    "status": "status = {}",
    "unit": "{} IN (unit, exposed_unit)",
    "tag": "list_contains(list_transform(map_entries(tags), lambda tag: tag.key || '=' || tag.value), {})",
    "provider_request_id": "provider_request_id = {}",
    "min_cost": "cost_usd >= {}",
}
"""The condition of each filter of the listing, with a place for its value."""

LARGE_OFFSET = 1_000
SKIPPED = f"""
SELECT minute, before::BIGINT
FROM (
    SELECT minute, count, sum(count) OVER (ORDER BY minute DESC) - count AS before
    FROM (
        SELECT epoch_us(at_time) // {MINUTE_US} AS minute, count(*) AS count
        FROM requests
        WHERE at_time >= $1 AND at_time < $2{{filters}}
        GROUP BY minute
    )
)
WHERE before <= $3 AND before + count > $3
"""  # noqa: S608 - a constant
"""The minute in which the rows after an offset begin, and the number of newer rows."""

DETAILS = """latency_censored, refused_by_text, schema_requested, schema_valid, prompt_digest, tokens_cached,
    tokens_cache_write, tokens_cache_write_1h, tokens_reasoning, tokens_audio_in, tokens_audio_out, service_tier,
    cost_basis, provider_request_id, breaker, trace_id, span_id"""
ONE = f"""
WITH bodies AS (SELECT request_body, response_body FROM payloads WHERE request_id = $1)
SELECT {COLUMNS}, {DETAILS}, request_body, response_body
FROM requests LEFT JOIN bodies ON TRUE
WHERE request_id = $1
LIMIT 1
"""  # noqa: S608 - the columns are a constant
ATTEMPTS = """
SELECT at_time, ordinal, purpose, deployment, status, outcome, fault, error_type, error_code, error_message, latency_ms,
    ttft_ms, tokens_in, tokens_out, tokens_cached, tokens_cache_write, tokens_cache_write_1h,
    tokens_reasoning, tokens_audio_in, tokens_audio_out, usage_source, service_tier, cost_usd, cost_basis,
    provider_request_id
FROM attempts
WHERE request_id = $1
ORDER BY ordinal, at_time
"""
EXPOSURES = """
SELECT at_time, experiment, variant_assigned AS assigned, variant_served AS served, reason, enrolled,
    exposed_unit AS unit, unit_kind, enrol_bucket, arm_bucket, propensity, stage, analysis_hash,
    experiment_state AS state
FROM requests
WHERE request_id = $1 AND enrolled IS NOT NULL
"""

UNANSWERED = """
SELECT name, arg_max(coalesce(error_message, error_code, error_type, outcome), at_time)
FROM unnest($1::VARCHAR[]) AS named(name) LEFT JOIN attempts ON deployment = name
GROUP BY name
HAVING NOT coalesce(bool_or(outcome = 'answered'), false)
ORDER BY name
"""

FEEDBACK = """
SELECT feedback_id, at_time, key, request_id, response_id, unit, boolean, number, category, comment, correction,
    idempotency_key, key_id, attribution, subject, experiments
FROM feedback
WHERE at_time >= $1 AND at_time < $2 AND (at_time < $7 OR feedback_id < $8)
    AND ($3 IS NULL OR key = $3) AND ($4 IS NULL OR attribution = $4)
ORDER BY at_time DESC, feedback_id DESC
LIMIT $5 OFFSET $6
"""

ATTRIBUTIONS = """
SELECT attribution, key, count(*) AS feedback
FROM feedback
WHERE at_time >= $1 AND at_time < $2 AND attribution IS NOT NULL
GROUP BY attribution, key
ORDER BY attribution, feedback DESC, key
LIMIT $3 OFFSET $4
"""


def listing(page: Page, *, position: Position | None = None, **filters: object) -> Query:
    """Requests of a time window that pass the `FILTERS`, newest first, after ``position``."""
    left, last = after(position, page)
    conditions, values = _filtered(filters, places=6)
    bound = (left.since, left.until, page.rows, page.offset, *last, *values)
    return Query(LIST.format(filters=conditions), bound)


def skip(database: Database, page: Page, **filters: object) -> Page:
    """The same page of `listing` with a small offset. Minutes are counted, because sorting millions of rows is slow."""
    if page.offset < LARGE_OFFSET:
        return page
    conditions, values = _filtered(filters, places=3)
    rows = database.rows(SKIPPED.format(filters=conditions), (page.since, page.until, page.offset, *values))
    if not rows:
        return replace(page, until_us=page.since_us, offset=0)
    ((minute, before),) = rows
    return replace(page, until_us=min(page.until_us, (minute + 1) * MINUTE_US), offset=page.offset - before)


def _filtered(filters: Mapping[str, object], *, places: int) -> tuple[str, list[object]]:
    """The conditions of the filters with a value, behind ``places`` other parameters, and these values."""
    given = [(FILTERS[name], value) for name, value in filters.items() if value is not None]
    conditions = [f" AND {form.format(f'${place}')}" for place, (form, _) in enumerate(given, start=places + 1)]
    return "".join(conditions), [value for _, value in given]


def find(database: Database, request_id: str) -> RecordedRequest | None:
    """One request with its bodies (``None`` if not captured), attempts and exposure; ``None`` if it does not exist.

    ``exposures`` has at most one.
    """
    attempts, exposures = (database.dicts(Query(sql, (request_id,))) for sql in (ATTEMPTS, EXPOSURES))
    rows = [row | {"attempts": attempts, "exposures": exposures} for row in database.dicts(Query(ONE, (request_id,)))]
    return convert(rows[0], RecordedRequest) if rows else None


def unanswered(database: Database, deployments: Sequence[str]) -> list[tuple[str, str | None]]:
    """The deployments that have never answered, each with its last error, ``None`` if it was never called."""
    return database.rows(UNANSWERED, (deployments,))


def feedback(
    page: Page, *, key: str | None = None, attribution: str | None = None, position: Position | None = None
) -> Query:
    """Feedback of a time window, after ``position``; ``subject`` is the request that it was attributed to."""
    left, last = after(position, page)
    return Query(FEEDBACK, (left.since, left.until, key, attribution, page.rows, page.offset, *last))


def attributions(page: Page) -> Query:
    """How many values of each key were attributed to a request or a unit, are ambiguous, or match nothing."""
    return Query(ATTRIBUTIONS, (page.since, page.until, page.rows, page.offset))
