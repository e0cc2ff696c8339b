"""Selects the units of an analysis plan, one row for each, and keeps what they did in the 14 days before the start."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fairtrial.domain.estimates import ServedBefore
from fairtrial.domain.metrics import CATALOGUE, UNIT_COLUMNS, Metric
from fairtrial.domain.promises import HISTORY_US
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.store.core.query import ANALYSED, timestamp
from fairtrial.store.core.thread_access import Cursor

# Selects the units of an analysis plan: one row for each unit, with its arm, first time and sums.
#
# A unit counts for the arm of its first exposure. Its time ``since`` is that of its first request that is not early.
# Grouping by a hash of 64 bits takes half as long as grouping by name; among a million units, two share a hash with a
# probability of 3 in a hundred million.

SHARES = 1_000_000
"""A share of the units is selected in steps of one in a million, by a hash."""
GROUPED = """
SELECT hash(unit) AS key, arg_min(variant, first_at) AS arm, min(first_at) FILTER (NOT early) AS since,
    bool_or(early) AS early{sums}
FROM unit_sums
WHERE experiment = $experiment AND list_contains($hashes::VARCHAR[], analysis_hash)
    AND (early OR first_at >= $week){share}
GROUP BY hash(unit)
"""
ALL = ", sum({name})::DOUBLE AS {name}"
SUM = ", coalesce(sum({name}) FILTER (NOT kept_away), 0)::DOUBLE AS {name}"
TAGS = ", arg_min(tags, first_at) FILTER (NOT early) AS tags"
APART = ", coalesce(sum(sent) FILTER (kept_away), 0)::DOUBLE AS kept_away"
ANY_KEPT_AWAY = "SELECT count(*) FROM unit_sums WHERE kept_away AND experiment = $1"
ANY_TAGGED = "SELECT EXISTS (SELECT 1 FROM unit_sums WHERE experiment = $1 AND cardinality(tags) > 0)"
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
HISTORY = f"""
past AS MATERIALIZED (
    SELECT *, coalesce(exposed_unit, unit, request_id) AS who
    FROM requests
    WHERE at_time >= $since AND at_time < $until AND arm_outcome IS DISTINCT FROM 'kept_away'
        AND ((experiment = $experiment AND variant_assigned = $control AND {ANALYSED})
            OR (coalesce(experiment, '') <> $experiment AND route = $route AND deployment = $deployment))
)
"""  # noqa: S608 - ours
EARLIER = """
    LEFT JOIN (
        SELECT hash(unit) AS key{columns}
        FROM unit_sums
        WHERE experiment = $experiment AND analysis_hash = $kept_as
    ) USING (key)"""
COLUMN = ", {amount} AS earlier{i}"


def bound(plan: AnalysisPlan, hashes: Sequence[str]) -> dict[str, Any]:
    """The parameters that `GROUPED` and `COUNTED` bind, without a share."""
    return {
        "experiment": plan.experiment,
        "hashes": list(hashes),
        "from": timestamp(plan.counts_from_us),
        "week": week_start(plan),
        "variants": list(plan.shares),
    }


def week_start(plan: AnalysisPlan) -> datetime:
    """From when on requests count: from the start of the week of a kept control, or without a limit."""
    return timestamp(plan.counts_from_us if plan.week else 0)


def any_kept_away(cursor: Cursor, plan: AnalysisPlan) -> bool:
    """Whether a breaker has kept requests from an arm of the experiment."""
    return bool(cursor.value(ANY_KEPT_AWAY, [plan.experiment]))


def any_tagged(cursor: Cursor, plan: AnalysisPlan) -> bool:
    """Whether a request of the experiment had a tag."""
    return bool(cursor.value(ANY_TAGGED, [plan.experiment]))


def grouped(metrics: Sequence[MetricPlan] = (), *, hit: str = "", apart: bool = False, tags: bool = False) -> str:
    """A query of all units, with the sums that these metrics need.

    ``hit``: a condition on rows; only units with such a row are read. ``apart``: requests that a breaker kept away are
    in no sum except ``kept_away``. ``tags``: also those of the unit's first request.

    A unit counts for the arm of its first exposure. Its time ``since`` is that of its first request that is not early.
    Grouping by a hash of 64 bits takes half as long as grouping by name; among a million units, two share a hash with a
    probability of 3 in a hundred million.
    """
    names = ["sent"]
    for metric in metrics:
        known = CATALOGUE.get(metric.metric)
        if known is not None:
            names += [known.over, known.per, *(["unpriced"] if known.family == "cost" else [])]
    sums = "".join((SUM if apart else ALL).format(name=name) for name in dict.fromkeys(names) if name)
    sums += (APART if apart else "") + (TAGS if tags else "")
    narrowed = HIT.format(hit=hit) if hit else ""
    return GROUPED.format(sums=sums, share=narrowed)


def counted(metrics: Sequence[MetricPlan] = (), *, hit: str = "", apart: bool = False, tags: bool = False) -> str:
    """A query of the units that count since the plan began, with the index of their arm. Sums as in `grouped`."""
    return COUNTED.format(grouped=grouped(metrics, hit=hit, apart=apart, tags=tags))


def keep(metrics: Sequence[MetricPlan] = (), *, apart: bool = False, tags: bool = False) -> str:
    """A statement that puts the rows of `counted` into the temporary table `KEPT`, for several queries."""
    return KEEP.format(counted=counted(metrics, apart=apart, tags=tags))


def complete(window_us: int, until_us: int, interruptions: Iterable[Interruption]) -> str:
    """A condition on rows of `GROUPED`: whether a unit's window is over by then, and no interruption cuts it."""
    window = f"to_microseconds({int(window_us)})"
    conditions = [f"since + {window} <= make_timestamp({max(0, int(until_us))})"]
    for from_us, again_us in interruptions:
        before = f"since + {window} <= make_timestamp({int(from_us)})"
        conditions.append(before if again_us is None else f"({before} OR since >= make_timestamp({int(again_us)}))")
    return " AND ".join(conditions)


def cutting(plan: AnalysisPlan, interruptions: Iterable[Interruption]) -> list[Interruption]:
    """The interruptions that cut windows of units: where windows go on, a pause that was resumed cuts none."""
    return [each for each in interruptions if not plan.goes_on_after_pause or each[1] is None]


def while_running(interruptions: Iterable[Interruption]) -> str:
    """A condition on feedback: whether it is about a time in which the experiment ran."""
    conditions = ["true"]
    for from_us, again_us in interruptions:
        before = f"about < make_timestamp({int(from_us)})"
        conditions.append(before if again_us is None else f"({before} OR about >= make_timestamp({int(again_us)}))")
    return " AND ".join(conditions)


def counts(plan: AnalysisPlan, metric: MetricPlan) -> str:
    """A condition on rows of `GROUPED` that count since the plan began: whether they count for this metric."""
    conditions = []
    if metric.from_us > plan.from_us:
        conditions.append(f"since >= make_timestamp({int(metric.from_us)})")
    if metric.role == "primary":
        conditions.append("NOT early")
    return " AND ".join(conditions) or "true"


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
KEEP_EARLIER = f"""
INSERT INTO unit_sums
SELECT $experiment, $kept_as, $control, named, false, first_at, {", ".join(UNIT_COLUMNS)}, false, false, NULL
FROM ({PAST_UNITS})
WHERE named IS NOT NULL
"""  # noqa: S608 - ours


def before_start(served: ServedBefore, end_us: int) -> dict[str, Any]:
    """The parameters of `HISTORY`, for the 14 days until then."""
    return {"since": timestamp(max(0, end_us - HISTORY_US)), "until": timestamp(end_us)} | {
        name: getattr(served, name) for name in ServedBefore.__struct_fields__
    }


def keep_earlier(cursor: Cursor, plan: AnalysisPlan, *, route: str, deployment: str) -> None:
    """Keep the users of the 14 days before the start, in the caller's transaction; raises `duckdb.Error`."""
    served = ServedBefore(plan.experiment, plan.control, route, deployment)
    cursor.execute(KEEP_EARLIER, before_start(served, plan.started_us) | {"kept_as": kept_as(plan)})


def kept_as(plan: AnalysisPlan) -> str:
    """The name that replaces an analysis hash; all amendments since the same start share it."""
    return f"before {plan.started_us}"


def join_earlier(metrics: Sequence[MetricPlan]) -> str:
    """The join that adds earlier amounts to a query of units, as ``earlier`` and the metric's place; may be empty.

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
