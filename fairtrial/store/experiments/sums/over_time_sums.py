"""Reads the primary metric of each arm by whole week, counted from the plan's start and from each unit's arrival."""

from collections.abc import Iterator, Sequence
from typing import Any

from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.domain.metrics import CATALOGUE, UNIT_COLUMNS
from fairtrial.domain.promises import REQUESTS_CAP
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import Level, OverTime, Sums
from fairtrial.stats.arms.means import mean
from fairtrial.stats.arms.ratios_and_quantiles import quantile_level
from fairtrial.stats.sums import Moments
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.derived.unit_summaries import CALLS
from fairtrial.store.experiments import transitions
from fairtrial.store.experiments.sums import metric_sums, unit_groups

DUE = "due AS (SELECT key, arm, since, {until} AS until FROM temp.plan_units WHERE {counts})"
SAID = f"""
WITH {DUE}, said AS ({metric_sums.SAID}), of_units AS (
    SELECT key, arm, since, at_time, value FROM said JOIN due USING (key) WHERE {{running}}
), {{periods}}
"""  # noqa: S608 - ours
GIVEN = f"""
WITH {DUE}, said AS ({metric_sums.SAID}), of_units AS (
    SELECT key, arm, since, until - INTERVAL 1 MICROSECOND AS at_time,
        bool_or(said.key IS NOT NULL)::INT::DOUBLE AS value
    FROM due LEFT JOIN said USING (key) WHERE until <= $until GROUP BY ALL
), {{periods}}
"""  # noqa: S608 - ours
"""Whether a unit gave feedback belongs to the week in which its window ends."""
REQUESTS = f"""
WITH new AS (
    SELECT r.*, u.key, u.arm, u.since FROM {metric_sums.OF_UNITS} AND r.at_time < $until AND {{counts}}
), {CALLS.format(added="", new="SELECT request_id FROM new")}, of_units AS (
    SELECT * FROM new LEFT JOIN calls USING (request_id)
), {{periods}}
"""  # noqa: S608 - ours
PERIODS = """numbered AS (
    SELECT *, (epoch_us(at_time) - epoch_us($from)) // {week} AS week,
        (epoch_us(at_time) - epoch_us(since)) // {week} AS age
    FROM of_units
), unit_weeks AS (
    SELECT arm, week, age, {value} AS value FROM numbered GROUP BY GROUPING SETS ((key, arm, week), (key, arm, age))
)
SELECT arm, week, age, count(value), sum(value)::DOUBLE, sum(value * value)::DOUBLE
FROM unit_weeks WHERE value IS NOT NULL GROUP BY arm, week, age
"""

SENT = "SELECT sum(sent) FROM temp.plan_units"

Found = Iterator[tuple[int, int | None, int | None, Level]]
"""The index of an arm, its week or its age, and the level."""


def add_weeks(database: Database, plan: AnalysisPlan, hashes: Sequence[str], sums: Sums, *, known: Sums | None) -> Sums:
    """The sums with the primary metric by whole week, as `with_weeks`, in a transaction of its own."""
    if not plan.whole_weeks(sums.at_us):
        return sums
    stops = transitions.interruptions(database, plan.experiment, plan.segment)
    with database.read_transaction() as cursor:
        return with_weeks(cursor, plan, hashes, sums, known=known, interruptions=stops)


def with_weeks(
    cursor: Cursor,
    plan: AnalysisPlan,
    hashes: Sequence[str],
    sums: Sums,
    *,
    known: Sums | None = None,
    interruptions: Sequence[Interruption] = (),
) -> Sums:
    """The sums with the primary metric by whole week. ``known``: earlier sums of this plan, which may have it.

    Feedback about ``interruptions`` is left out, because the control served everyone then. Raises `duckdb.Error`.
    """
    weeks = plan.whole_weeks(sums.at_us - metric_sums.LATE_US)
    if not weeks or plan.primary is None:
        return sums
    before = {} if known is None else {name: arm.over_time for name, arm in known.arms.items()}
    if all(time is None or len(time.weeks) != weeks for time in before.values()):
        before = read_weeks(cursor, plan, hashes, weeks, interruptions=interruptions)
    return sums.with_weeks(before)


def next_week_end(plan: AnalysisPlan, now_us: int) -> int:
    """When the sums of the next whole week can be read, with the time that late records have."""
    weeks = plan.whole_weeks(now_us - metric_sums.LATE_US) + 1
    return plan.from_us + weeks * WEEK_US + metric_sums.LATE_US


def read_weeks(
    cursor: Cursor,
    plan: AnalysisPlan,
    hashes: Sequence[str],
    weeks: int,
    *,
    interruptions: Sequence[Interruption] = (),
) -> dict[str, OverTime | None]:
    """The primary metric in the first so many weeks, by variant; raises `duckdb.Error`.

    A unit has one value in each week: its mean feedback given in that week, its share of bad requests, or its amount.
    The windows within which feedback decides do not matter here, because an effect may fade after them. Only whole
    weeks are read, so this is done once a week.
    """
    metric, names = plan.primary, list(plan.shares)
    if metric is None:
        return {}
    by_variant: dict[str, tuple[list[Level | None], list[Level | None]]] = {
        name: ([None] * weeks, [None] * weeks) for name in names
    }
    cursor.execute(unit_groups.keep(), unit_groups.bound(plan, hashes))
    until_us = plan.from_us + weeks * WEEK_US
    if metric.method == "quantile":
        levels = _quantiles(cursor, plan, metric, hashes, until_us)
    elif metric.method in ("feedback", "given"):
        levels = _feedback(cursor, plan, metric, until_us, interruptions)
    else:
        levels = _requests(cursor, plan, metric, hashes, until_us)
    for arm, week, age, level in levels:
        number, column = (week, 0) if week is not None else (age, 1)
        if number is not None and 0 <= number < weeks:
            by_variant[names[arm]][column][number] = level
    cursor.execute(unit_groups.FORGET)
    return {name: OverTime(tuple(by_week), tuple(by_age)) for name, (by_week, by_age) in by_variant.items()}


def _feedback(
    cursor: Cursor, plan: AnalysisPlan, metric: MetricPlan, until_us: int, interruptions: Sequence[Interruption]
) -> Found:
    given, values = metric.method == "given", metric_sums.values_of(metric, metric.window_seconds or 0.0)
    ends = "since + to_microseconds($window)" if given else "$until - INTERVAL 1 MICROSECOND"
    if not given:
        del values["window"]
    sql = (GIVEN if given else SAID).format(
        until=ends,
        counts=unit_groups.counts(plan, metric),
        running=unit_groups.while_running(interruptions),
        periods=PERIODS.format(week=WEEK_US, value="avg(value)"),
    )
    for arm, week, age, level in _read(cursor, sql, _bound(plan, until_us) | values):
        if age is None or not given:
            yield arm, week, age, level


def _requests(cursor: Cursor, plan: AnalysisPlan, metric: MetricPlan, hashes: Sequence[str], until_us: int) -> Found:
    sql = REQUESTS.format(
        counts=f"{unit_groups.counts(plan, metric)} AND arm_outcome IS DISTINCT FROM 'kept_away'",
        periods=PERIODS.format(week=WEEK_US, value=_value(metric)),
    )
    return _read(cursor, sql, _bound(plan, until_us) | {"hashes": list(hashes)})


def _bound(plan: AnalysisPlan, until_us: int) -> dict[str, Any]:
    return {"experiment": plan.experiment, "from": timestamp(plan.from_us), "until": timestamp(until_us)}


def _read(cursor: Cursor, sql: str, parameters: dict[str, Any]) -> Found:
    for arm, week, age, n, x, xx in cursor.execute(sql, parameters).fetchall():
        level = Level.of(mean(Moments(n, x, xx)))
        if level is not None:
            yield arm, week, age, level


def _value(metric: MetricPlan) -> str:
    """The value of one unit in one week from its requests."""
    known = CATALOGUE[metric.metric]
    over, per = UNIT_COLUMNS[known.over], UNIT_COLUMNS.get(known.per, "1")
    value = f"({over}) / ({per})::DOUBLE"
    if metric.method == "amount":
        value = f"least({value}, {metric.cap or REQUESTS_CAP!r})"
    elif metric.better == "higher":
        value = f"1 - {value}"
    return f"CASE WHEN ({per}) > 0 THEN {value} END"


def _quantiles(cursor: Cursor, plan: AnalysisPlan, metric: MetricPlan, hashes: Sequence[str], until_us: int) -> Found:
    values = metric_sums.read_values(cursor, plan, hashes, int(cursor.value(SENT) or 0))
    at_us, since = values["at_us"], values["since"]
    counts = (since >= metric.from_us) & ~values["early"] & (at_us < until_us)
    for column, numbers in enumerate(((at_us - plan.from_us) // WEEK_US, (at_us - since) // WEEK_US)):
        for number in range((until_us - plan.from_us) // WEEK_US):
            for arm in range(len(plan.shares)):
                sums = metric_sums.quantile_of(values, counts & (values["arm"] == arm) & (numbers == number), metric)
                level = None if sums is None else Level.of(quantile_level(sums))
                if level is not None:
                    yield arm, None if column else number, number if column else None, level
