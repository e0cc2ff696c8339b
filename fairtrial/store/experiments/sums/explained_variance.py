"""Reads how much of the variance of an amount an earlier amount of the same users explains, for the planner."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.store.core.database import Cursor
from fairtrial.store.experiments.sums.control_levels import history_level
from fairtrial.store.experiments.sums.earlier_units import amount_of
from fairtrial.store.experiments.sums.past_requests import HISTORY_US, PAST_UNITS, past

FORTNIGHTS = """
WITH units AS (
    SELECT coalesce(now.unit, before.unit) AS unit, now.amount, before.amount AS earlier
    FROM temp.last_fortnight now LEFT JOIN temp.fortnight_before before USING (unit)
    WHERE now.amount IS NOT NULL
), limits AS (SELECT quantile_cont(amount, 0.99) AS cap, {default} AS missing FROM units)
SELECT avg(x), stddev_samp(x), corr(x, y)
FROM (SELECT least(amount, cap) AS x, least(coalesce(earlier, missing), cap) AS y FROM units, limits)
"""
FORTNIGHT = "CREATE OR REPLACE TEMP TABLE {table} AS SELECT named AS unit, {amount} AS amount FROM ({units})"
TABLES = "last_fortnight", "fortnight_before"


@dataclass(frozen=True, slots=True)
class Explained:
    """An amount of the users of the last 14 days, up to its cap: mean ``level``, and standard deviation ``spread``.

    ``share``: how much of its variance the 14 days before explain.
    """

    metric: str
    level: float
    spread: float
    share: float


def explained(
    cursor: Cursor, plan: AnalysisPlan, metric: MetricPlan, *, route: str, deployment: str
) -> Explained | None:
    """What the 28 days before the start show about an amount; ``None`` below 500 users, or if it can't be computed.

    It reads what `history_level` reads. Raises `duckdb.Error`.
    """
    known = CATALOGUE[metric.metric]
    if history_level(cursor, plan, metric, route=route, deployment=deployment) is None:
        return None
    for number, table in enumerate(TABLES):
        bound = past(plan, route=route, deployment=deployment, until_us=plan.started_us - number * HISTORY_US)
        cursor.execute(FORTNIGHT.format(table=table, amount=amount_of(known), units=PAST_UNITS), bound)
    default = "avg(amount)" if known.per else "0.0"
    row = cursor.execute(FORTNIGHTS.format(default=default)).fetchone()
    for table in TABLES:
        cursor.execute(f"DROP TABLE temp.{table}")
    level, spread, correlation = row or (None, None, None)
    if not (level and spread):
        return None
    return Explained(metric.metric, level, spread, (correlation or 0.0) ** 2)
