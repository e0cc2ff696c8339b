"""Keeps what each user did in the 14 days before the start, which explains a part of later amounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtrial.api.traffic import ServedBefore
from fairtrial.domain.metrics import CATALOGUE, UNIT_COLUMNS, Metric
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.store.core.database import Cursor
from fairtrial.store.core.query import ANALYSED, timestamp

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
KEEP = f"""
INSERT INTO unit_sums
SELECT $experiment, $kept_as, $control, named, false, first_at, {", ".join(UNIT_COLUMNS)}, false
FROM ({PAST_UNITS})
WHERE named IS NOT NULL
"""  # noqa: S608 - ours
EARLIER = """
    LEFT JOIN (
        SELECT hash(unit) AS key{columns}
        FROM unit_sums
        WHERE experiment = $experiment AND analysis_hash = $kept_as
    ) USING (key)"""
COLUMN = ", {amount} AS earlier{i}"


def before(served: ServedBefore, end_us: int) -> dict[str, Any]:
    """The parameters of `HISTORY`, for the 14 days until then."""
    return {"since": timestamp(max(0, end_us - HISTORY_US)), "until": timestamp(end_us)} | {
        name: getattr(served, name) for name in ServedBefore.__struct_fields__
    }


def keep(cursor: Cursor, plan: AnalysisPlan, *, route: str, deployment: str) -> None:
    """Keep the users of the 14 days before the start, in the caller's transaction; raises `duckdb.Error`."""
    served = ServedBefore(plan.experiment, plan.control, route, deployment)
    cursor.execute(KEEP, before(served, plan.started_us) | {"kept_as": kept_as(plan)})


def kept_as(plan: AnalysisPlan) -> str:
    """What stands in place of an analysis hash; all amendments since the same start share it."""
    return f"before {plan.started_us}"


def joined(metrics: Sequence[MetricPlan]) -> str:
    """What adds each unit's earlier amounts to a query of units, as ``earlier`` and the metric's place; may be empty.

    It binds ``experiment`` and ``kept_as``.
    """
    columns = [
        COLUMN.format(amount=amount_of(CATALOGUE[metric.metric]), i=place)
        for place, metric in enumerate(metrics)
        if isinstance(metric.earlier, float)
    ]
    return EARLIER.format(columns="".join(columns)) if columns else ""


def amount_of(known: Metric, table: str = "") -> str:
    """The amount of one unit; NULL if nothing is known of it."""
    return f"{table}{known.over} / nullif({table}{known.per}, 0)" if known.per else f"{table}{known.over}"
