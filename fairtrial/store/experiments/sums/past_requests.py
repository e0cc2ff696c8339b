"""Selects the requests that the control served in 14 days."""

from __future__ import annotations

from typing import Any

from fairtrial.domain.metrics import UNIT_COLUMNS
from fairtrial.domain.traffic import ServedBefore
from fairtrial.store.core.query import timestamp
from fairtrial.store.derived.analysis_filter import ANALYSED

HISTORY_US = 14 * 86_400_000_000
HISTORY = f"""
past AS MATERIALIZED (
    SELECT *, coalesce(exposed_unit, unit, request_id) AS who
    FROM requests
    WHERE at_time >= $since AND at_time < $until AND arm_outcome IS DISTINCT FROM 'kept_away'
        AND ((experiment = $experiment AND variant_assigned = $control AND {ANALYSED})
            OR (coalesce(experiment, '') <> $experiment AND route = $route AND deployment = $deployment))
)
"""  # noqa: S608 - ours
PAST_UNITS = f"""
WITH {HISTORY}, calls AS (
    SELECT request_id, count(*) AS calls, count(*) FILTER (fault IN ('upstream', 'configuration')) AS calls_failed
    FROM attempts
    WHERE at_time >= $since AND purpose IN ('live', 'retry') AND request_id IN (SELECT request_id FROM past)
    GROUP BY request_id
)
SELECT any_value(coalesce(exposed_unit, unit)) AS named, min(at_time) AS first_at,
    {", ".join(f"{sql} AS {name}" for name, sql in UNIT_COLUMNS.items())}
FROM past LEFT JOIN calls USING (request_id)
GROUP BY who
"""  # noqa: S608 - ours


def before(served: ServedBefore, end_us: int) -> dict[str, Any]:
    """The parameters of `HISTORY`, for the 14 days until then."""
    return {"since": timestamp(max(0, end_us - HISTORY_US)), "until": timestamp(end_us)} | {
        name: getattr(served, name) for name in ServedBefore.__struct_fields__
    }
