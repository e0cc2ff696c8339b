"""Reads the feedback of each arm: one value for each unit whose window is complete.

A unit's window begins with its first exposure and has the same length for all units. Units whose window crosses an
interruption are left out, because the control served them meanwhile. A unit's value is the mean over its subjects, the
requests that it exposed and the unit itself, of the latest value that was given within the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption, MetricPlan
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sums import Moments
from fairtrial.store.core.database import Cursor
from fairtrial.store.core.query import timestamp
from fairtrial.store.experiments.sums import unit_groups

LATE_US = 5_000_000
"""How late feedback may reach the store after it was given."""
PREFIX, SUFFIX = "feedback.", ".given"
VALUE = "least(greatest(coalesce(boolean::INT::DOUBLE, number), $low), $high)"
"""A value outside the metric's range counts as the nearest value within it."""
SAID = f"""
    SELECT due.key, arg_max({VALUE}, (f.at_time, f.feedback_id)) AS value, max(f.at_time) AS at_time,
        coalesce(max(f.subject_time), max(f.at_time)) AS about
    FROM feedback f JOIN due ON due.key = hash(CASE WHEN f.attribution = 'unit' THEN f.unit ELSE f.subject_unit END)
    WHERE f.key = $key AND f.at_time >= $from AND f.at_time >= due.since AND f.at_time <= due.until
        AND coalesce(f.boolean::INT::DOUBLE, f.number) IS NOT NULL
        AND ((f.attribution = 'request' AND f.subject_experiment = $experiment AND f.subject_time >= due.since)
            OR (f.attribution = 'unit' AND list_contains(f.experiments, $experiment)))
    GROUP BY due.key, f.attribution, f.subject
"""  # noqa: S608 - ours
"""The last value about each subject of the units ``due``, between their times ``since`` and ``until``.

``about``: the time of the request that it is about, or its own.
"""
READ = f"""
WITH due AS (
    SELECT key, arm, since, since + to_microseconds($window) AS until
    FROM temp.plan_units
    WHERE {{counts}}
), said AS ({SAID}), given AS (
    SELECT key, avg(value) AS value FROM said GROUP BY key
)
SELECT arm, count(*), count(value), coalesce(sum(value), 0), coalesce(sum(value * value), 0)
FROM due LEFT JOIN given USING (key)
GROUP BY arm
"""  # noqa: S608 - ours


def read_feedback(
    cursor: Cursor,
    plan: AnalysisPlan,
    metrics: Sequence[MetricPlan],
    *,
    at: tuple[int, Sequence[Interruption]],
) -> dict[tuple[int, str], Feedback]:
    """The sums by the index of the arm in the plan, and metric; arms without complete windows have no entry.

    `unit_groups.keep` must have kept the units.

    ``at``: the time of the look, and the interruptions of the segment.
    """
    now_us, interruptions = at
    since = timestamp(plan.from_us)
    found: dict[tuple[int, str], Feedback] = {}
    for metric in metrics:
        window = metric.window_seconds
        if not window:
            continue
        asked = values_of(metric, window) | {"experiment": plan.experiment, "from": since}
        over = unit_groups.complete(round(window * 1_000_000), now_us - LATE_US, interruptions)
        counts = f"{unit_groups.counts(plan, metric)} AND {over}"
        for arm, units, n, x, xx in cursor.execute(READ.format(counts=counts), asked).fetchall():
            given = Moments(units, n, n) if metric.method == "given" else Moments(n, x, xx)
            found[arm, metric.metric] = Feedback(units, given, window)
    return found


def key_of(metric: MetricPlan) -> str:
    """The key of the feedback that a metric reads."""
    key = metric.metric.removeprefix(PREFIX)
    return key.removesuffix(SUFFIX) if metric.method == "given" else key


def values_of(metric: MetricPlan, window: float) -> dict[str, Any]:
    """The parameters of one metric: its key, range and window."""
    low, high = metric.within
    return {"key": key_of(metric), "low": float(low), "high": float(high), "window": round(window * 1_000_000)}
