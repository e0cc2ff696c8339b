"""Selects the units of an analysis plan: one row for each unit, with its arm, first time and sums.

A unit counts for the arm of its first exposure. Its time ``since`` is that of its first request that is not early.
Grouping by a hash of 64 bits takes half as long as grouping by name; among a million units, two share a hash with a
probability of 3 in a hundred million.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption, MetricPlan
from fairtrial.store.core.database import Cursor
from fairtrial.store.core.query import timestamp

SHARES = 1_000_000
"""A share of the units is selected in steps of one in a million, by a hash."""
GROUPED = """
SELECT hash(unit) AS key, arg_min(variant, first_at) AS arm, min(first_at) FILTER (NOT early) AS since,
    bool_or(early) AS early{sums}
FROM unit_sums
WHERE experiment = $experiment AND list_contains($hashes::VARCHAR[], analysis_hash){share}
GROUP BY hash(unit)
"""
ALL = ", sum({name})::DOUBLE AS {name}"
SUM = ", coalesce(sum({name}) FILTER (NOT kept_away), 0)::DOUBLE AS {name}"
APART = ", coalesce(sum(sent) FILTER (kept_away), 0)::DOUBLE AS kept_away"
ANY_KEPT_AWAY = "SELECT count(*) FROM unit_sums WHERE kept_away AND experiment = $1"
SHARE = " AND hash({unit}) % 1000000 < $share"
HIT = """
    AND hash(unit) IN (
        SELECT hash(unit) FROM unit_sums
        WHERE experiment = $experiment AND list_contains($hashes::VARCHAR[], analysis_hash) AND ({hit})
    )"""
COUNTED = """
SELECT * REPLACE ((list_position($variants::VARCHAR[], arm) - 1)::TINYINT AS arm)
FROM ({grouped})
WHERE since >= $from AND list_contains($variants::VARCHAR[], arm)
"""
KEPT = "temp.plan_units"
KEEP = "CREATE OR REPLACE TEMP TABLE plan_units AS {counted}"
FORGET = "DROP TABLE IF EXISTS temp.plan_units"


def bound(plan: AnalysisPlan, hashes: Sequence[str]) -> dict[str, Any]:
    """The parameters that `GROUPED` and `COUNTED` bind, without a share."""
    return {
        "experiment": plan.experiment,
        "hashes": list(hashes),
        "from": timestamp(plan.from_us),
        "variants": list(plan.shares),
    }


def any_kept_away(cursor: Cursor, plan: AnalysisPlan) -> bool:
    """Whether a breaker has kept requests from an arm of the experiment, and the plan counts them apart."""
    return plan.counts_kept_away_apart and bool(cursor.value(ANY_KEPT_AWAY, [plan.experiment]))


def grouped(metrics: Sequence[MetricPlan] = (), *, hit: str = "", apart: bool = False) -> str:
    """A query of all units, with the sums that these metrics need.

    ``hit``: a condition on rows; only units with such a row are read. ``apart``: requests that a breaker kept away are
    in no sum except ``kept_away``.
    """
    names = ["sent"]
    for metric in metrics:
        known = CATALOGUE.get(metric.metric)
        if known is not None:
            names += [known.over, known.per, *(["unpriced"] if known.family == "cost" else [])]
    sums = "".join((SUM if apart else ALL).format(name=name) for name in dict.fromkeys(names) if name)
    sums += APART if apart else ""
    narrowed = HIT.format(hit=hit) if hit else ""
    return GROUPED.format(sums=sums, share=narrowed)


def counted(metrics: Sequence[MetricPlan] = (), *, hit: str = "", apart: bool = False) -> str:
    """A query of the units that count since the plan began, with the index of their arm. Sums as in `grouped`."""
    return COUNTED.format(grouped=grouped(metrics, hit=hit, apart=apart))


def keep(metrics: Sequence[MetricPlan] = (), *, apart: bool = False) -> str:
    """A statement that puts the rows of `counted` into the temporary table `KEPT`, for several queries."""
    return KEEP.format(counted=counted(metrics, apart=apart))


def complete(window_us: int, until_us: int, interruptions: Iterable[Interruption]) -> str:
    """A condition on rows of `GROUPED`: whether a unit's window is over by then, and no interruption cuts it."""
    window = f"to_microseconds({int(window_us)})"
    conditions = [f"since + {window} <= make_timestamp({max(0, int(until_us))})"]
    for from_us, again_us in interruptions:
        before = f"since + {window} <= make_timestamp({int(from_us)})"
        conditions.append(before if again_us is None else f"({before} OR since >= make_timestamp({int(again_us)}))")
    return " AND ".join(conditions)


def counts(plan: AnalysisPlan, metric: MetricPlan) -> str:
    """A condition on rows of `GROUPED` that count since the plan began: whether they count for this metric."""
    conditions = []
    if metric.from_us > plan.from_us:
        conditions.append(f"since >= make_timestamp({int(metric.from_us)})")
    if metric.role == "primary":
        conditions.append("NOT early")
    return " AND ".join(conditions) or "true"
