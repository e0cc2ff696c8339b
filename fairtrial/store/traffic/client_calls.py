"""Joins the tries of one client call, and counts errors by try and by call for each variant."""

from collections.abc import Mapping
from typing import Any

from fairtrial.api.experiment_traffic import VariantErrors
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query
from fairtrial.store.traffic.summed_traffic import window_of

LONGEST_WAIT_S = 150
"""Seconds from the end of a try to the next one, at most.

The official client waits at most 8 s, or 120 s if ``Retry-After`` says so. The rest is for its connection.
"""

JOINED = f"""
WITH repeated AS (
    SELECT DISTINCT exposed_unit, coalesce(prompt_digest, '') AS prompt
    FROM requests
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED} AND retry_ordinal > 0
), tries AS (
    SELECT variant_assigned AS variant, r.exposed_unit AS unit, prompt, retry_ordinal > 0 AS again,
        (at_time, request_id) AS place, at_time,
        at_time + to_microseconds((coalesce(latency_ms, 0) * 1000)::BIGINT) AS ended,
        arm_outcome IS DISTINCT FROM 'kept_away' AS received, arm_outcome = 'failed' AS failed,
        user_outcome = 'failed' AS user_failed
    FROM requests r JOIN repeated a ON r.exposed_unit = a.exposed_unit AND coalesce(r.prompt_digest, '') = prompt
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED}
), parted AS (
    SELECT *, coalesce(again AND at_time - lag(ended) OVER following <= to_seconds($4), false) AS continues
    FROM tries
    WINDOW following AS (PARTITION BY unit, prompt ORDER BY place)
), numbered AS (
    SELECT *, count(*) FILTER (NOT continues) OVER (PARTITION BY unit, prompt ORDER BY place) AS call FROM parted
), calls AS (
    SELECT variant, count(*) FILTER (received) AS tries, count(*) FILTER (failed) AS failed_tries, count(*) AS sent,
        count(*) FILTER (user_failed) AS user_failed_tries, bool_or(received) AS received,
        arg_max(failed, place) FILTER (received) AS failed, arg_max(user_failed, place) AS user_failed
    FROM numbered
    GROUP BY variant, unit, prompt, call
)
SELECT variant, (sum(tries) - count(*) FILTER (received))::BIGINT AS calls,
    (sum(failed_tries) - count(*) FILTER (failed))::BIGINT AS failed_calls,
    (sum(sent) - count(*))::BIGINT AS user_calls,
    (sum(user_failed_tries) - count(*) FILTER (user_failed))::BIGINT AS user_failed_calls
FROM calls
GROUP BY variant
"""  # noqa: S608 - ours
"""How many fewer calls there are than tries. Only tries of a unit and prompt that were repeated at all are read.

Each other try is a call by itself.
"""


def errors_by_variant(database: Database, page: Page, experiment: str) -> list[VariantErrors]:
    """The errors of each variant with requests in the window, on enrolled units only; raises `StoreError`."""
    with database.read_transaction():
        tries = database.dicts(window_of(database, page).tries(experiment))
        fewer = database.dicts(Query(JOINED, (page.since, page.until, experiment, LONGEST_WAIT_S)))
    joined = {row["variant"]: row for row in fewer}
    return [VariantErrors(**row, **_calls(row, joined.get(row["variant"], {}))) for row in tries]


def _calls(tries: Mapping[str, Any], fewer: Mapping[str, Any]) -> dict[str, Any]:
    kinds = ("", "failed_", "user_", "user_failed_")
    return {f"{kind}calls": tries[f"{kind}tries"] - fewer.get(f"{kind}calls", 0) for kind in kinds}
