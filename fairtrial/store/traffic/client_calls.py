"""Joins the tries of one client call, and counts errors by try and by call for each variant."""

from fairtrial.api.experiment_traffic import VariantErrors
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query

LONGEST_WAIT_S = 150
"""Seconds from the end of a try to the next one, at most.

The official client waits at most 8 s, or 120 s if ``Retry-After`` says so. The rest is for its connection.
"""

ERRORS = f"""
WITH tries AS (
    SELECT variant_assigned AS variant, exposed_unit AS unit, coalesce(prompt_digest, '') AS prompt,
        retry_ordinal > 0 AS again, (at_time, request_id) AS place, at_time,
        at_time + to_microseconds((coalesce(latency_ms, 0) * 1000)::BIGINT) AS ended,
        arm_outcome IS DISTINCT FROM 'kept_away' AS received, arm_outcome = 'failed' AS failed,
        user_outcome = 'failed' AS user_failed
    FROM requests
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED}
), repeated AS (
    SELECT DISTINCT unit, prompt FROM tries WHERE again
), parted AS (
    SELECT *, coalesce(again AND at_time - lag(ended) OVER following <= to_seconds($4), false) AS continues
    FROM tries SEMI JOIN repeated USING (unit, prompt)
    WINDOW following AS (PARTITION BY unit, prompt ORDER BY place)
), numbered AS (
    SELECT *, count(*) FILTER (NOT continues) OVER (PARTITION BY unit, prompt ORDER BY place) AS call FROM parted
), calls AS (
    SELECT variant, count(*) FILTER (received) AS tries, count(*) FILTER (failed) AS failed_tries, count(*) AS sent,
        count(*) FILTER (user_failed) AS user_failed_tries, bool_or(received) AS received,
        arg_max(failed, place) FILTER (received) AS failed, arg_max(user_failed, place) AS user_failed
    FROM numbered
    GROUP BY variant, unit, prompt, call
    UNION ALL
    SELECT variant, received::INTEGER, (failed IS TRUE)::INTEGER, 1, (user_failed IS TRUE)::INTEGER, received, failed,
        user_failed
    FROM tries ANTI JOIN repeated USING (unit, prompt)
)
SELECT variant, sum(tries)::BIGINT AS tries, sum(failed_tries)::BIGINT AS failed_tries,
    count(*) FILTER (received) AS calls, count(*) FILTER (failed) AS failed_calls,
    sum(sent)::BIGINT AS user_tries, sum(user_failed_tries)::BIGINT AS user_failed_tries,
    count(*) AS user_calls, count(*) FILTER (user_failed) AS user_failed_calls
FROM calls
GROUP BY variant
ORDER BY variant
"""  # noqa: S608 - ours
"""Only tries of a unit and prompt that were repeated at all are put in order; each other one is a call by itself."""


def errors_by_variant(database: Database, page: Page, experiment: str) -> list[VariantErrors]:
    """The errors of each variant with requests in the window, on enrolled units only."""
    rows = database.dicts(Query(ERRORS, (page.since, page.until, experiment, LONGEST_WAIT_S)))
    return [VariantErrors(**row) for row in rows]
