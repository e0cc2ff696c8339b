"""Keeps what each user did in the 14 days before the start, so that amounts of these days explain a part of later ones.

They are rows of `unit_sums` under a name of their own in place of an analysis hash, one for each user, written once.
Nothing else reads these rows, and an erasure treats them like all others.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.domain.metrics import CATALOGUE, UNIT_COLUMNS, Metric
from fairtrial.domain.traffic import ServedBefore
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.store.core.database import Cursor
from fairtrial.store.experiments.sums.past_requests import PAST_UNITS, before

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
        COLUMN.format(amount=amount_of(CATALOGUE[one.metric]), i=place)
        for place, one in enumerate(metrics)
        if isinstance(one.earlier, float)
    ]
    return EARLIER.format(columns="".join(columns)) if columns else ""


def amount_of(known: Metric, table: str = "") -> str:
    """The amount of one unit; NULL if nothing is known of it."""
    return f"{table}{known.over} / nullif({table}{known.per}, 0)" if known.per else f"{table}{known.over}"
