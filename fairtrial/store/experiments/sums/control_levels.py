"""Reads the control's level of a metric, for relative margins, and how much earlier amounts explain later ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fairtrial.domain.estimates import ServedBefore
from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import HISTORY_US, LEVEL_UNITS, REQUESTS_CAP
from fairtrial.domain.store_reports import AmountHistory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.experiments.sums import unit_groups
from fairtrial.store.experiments.sums.arm_sums import read_sums
from fairtrial.store.experiments.sums.metric_sums import MOST, VALUE, VALUES, quantile_of, value_of, values_of
from fairtrial.store.experiments.sums.unit_groups import HISTORY, PAST_UNITS, amount_of, before_start

UNITS = "SELECT * FROM ({grouped}) WHERE since >= $from AND arm = $control"
PAST_VALUES = f"""
WITH {HISTORY}
SELECT hash(who) AS key, {VALUES}
FROM past
WHERE hash(who) % 1000000 < 1e6 * {MOST} / greatest({MOST}, (SELECT count(*) FROM past))
"""  # noqa: S608 - ours
PAST_FEEDBACK = f"""
WITH {HISTORY}, said AS (
    SELECT who, f.subject, arg_max({VALUE}, (f.at_time, f.feedback_id)) AS value
    FROM feedback f JOIN past ON past.request_id = f.subject
    WHERE f.key = $key AND f.at_time >= $since AND f.at_time <= past.at_time + to_microseconds($window)
        AND coalesce(f.boolean::INT::DOUBLE, f.number) IS NOT NULL
    GROUP BY who, f.subject
)
SELECT avg(value), count(*), (SELECT count(DISTINCT who) FROM past)
FROM (SELECT avg(value) AS value FROM said GROUP BY who)
"""  # noqa: S608 - ours
RATIO = """
SELECT sum({over} * least(1, {cap} / {per})) / sum(least({per}, {cap})), quantile_cont({per}, 0.99), count(*)
FROM ({units})
WHERE {per} > 0
"""
AMOUNT = """
WITH amounts AS MATERIALIZED (SELECT {amount} AS x, {known} AS known, {unpriced} AS unpriced FROM ({units})),
    limits AS (SELECT quantile_cont(x, 0.99) FILTER (known) AS cap, sum(unpriced) AS unpriced FROM amounts)
SELECT avg(least(x, limits.cap)), any_value(limits.cap), count(*), any_value(limits.unpriced)
FROM amounts, limits
WHERE known
"""

TABLES = "fortnight", "fortnight_before"
FORTNIGHT = "CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM ({units}) WHERE named IS NOT NULL"
EXPLAINED = """
WITH amounts AS (
    SELECT named, {amount} AS amount, {unpriced} AS unpriced FROM temp.fortnight WHERE {amount} IS NOT NULL
), limits AS (
    SELECT count(*) AS users, quantile_cont(amount, 0.99) AS cap, {missing} AS missing, sum(unpriced) AS unpriced
    FROM amounts
), pairs AS (
    SELECT least(now.amount, cap) AS x, least(coalesce({earlier}, missing), cap) AS y
    FROM amounts now LEFT JOIN temp.fortnight_before before USING (named), limits
)
SELECT any_value(users), any_value(unpriced), avg(x), stddev_samp(x), corr(x, y) FROM pairs, limits
"""


class ControlLevel(NamedTuple):
    """The control's level, the cap of an amount, and the number of units behind it."""

    level: float
    cap: float | None
    units: int


def read_level(
    cursor: Cursor, plan: AnalysisPlan, metric: MetricPlan, hashes: Sequence[str], *, since_us: int
) -> ControlLevel | None:
    """The level of the control's units that were first exposed since then; ``None`` if it can't be computed.

    Of events it is the number of bad requests per request. Raises `duckdb.Error`.
    """
    alone = replace(plan, from_us=since_us, shares={plan.control: 1.0}, metrics=())
    if metric.method in ("events", "shares", "amount"):
        bound = unit_groups.bound(alone, hashes) | {"control": plan.control}
        del bound["variants"]
        apart = unit_groups.any_kept_away(cursor, plan)
        return _of_units(cursor, metric, UNITS.format(grouped=unit_groups.grouped([metric], apart=apart)), bound)
    whole = replace(alone, metrics=(replace(metric, role="guardrail", from_us=0),))
    sums = read_sums(cursor, whole, hashes, now_us=END_OF_TIME_US).arms[plan.control].metrics.get(metric.metric)
    if isinstance(sums, QuantileSums):
        return _level(value_of(sums), None, sums.users.n)
    if isinstance(sums, Feedback) and sums.given.n:
        return _level(sums.given.mean, None, sums.given.n)
    return None


def history_level(
    cursor: Cursor, plan: AnalysisPlan, metric: MetricPlan, *, route: str, deployment: str
) -> ControlLevel | None:
    """The control's level in the 14 days before the start; ``None`` below 500 units, or if it can't be computed.

    It reads the control's own requests, and those that its deployment served on this route outside the experiment.
    """
    bound = before_start(ServedBefore(plan.experiment, plan.control, route, deployment), plan.started_us)
    past: ControlLevel | None = None
    if metric.method in ("events", "shares", "amount"):
        past = _of_units(cursor, metric, PAST_UNITS, bound)
    elif metric.method == "quantile":
        rows = {name: np.ma.asarray(column) for name, column in cursor.execute(PAST_VALUES, bound).fetchnumpy().items()}
        sums = quantile_of(rows, np.ones(len(rows["key"]), dtype=np.bool_), metric)
        past = None if sums is None else _level(value_of(sums), None, sums.users.n)
    elif metric.window_seconds:
        parameters = bound | values_of(metric, metric.window_seconds)
        level, given, units = cursor.execute(PAST_FEEDBACK, parameters).fetchone() or (None, 0, 0)
        is_share = metric.method == "given" and units
        past = _level(given / units, None, units) if is_share else _level(level, None, given)
    return past if past is not None and past.units >= LEVEL_UNITS else None


def _of_units(cursor: Cursor, metric: MetricPlan, units: str, bound: Mapping[str, Any]) -> ControlLevel | None:
    """The level of a metric of sums; an amount is unknown if any answer has no price.

    The cap of events is the number of requests that 99 % of the units do not exceed.
    """
    known = CATALOGUE[metric.metric]
    if metric.counts_requests:
        cap = repr(float(metric.cap or REQUESTS_CAP))
        sql = RATIO.format(over=known.over, per=known.per, cap=cap, units=units)
        level, most, count = cursor.execute(sql, bound).fetchone() or (None, None, 0)
        return _level(level, None if most is None else float(most), count)
    amount = f"{known.over} / {known.per}" if known.per else known.over
    sql = AMOUNT.format(
        amount=amount,
        known=f"{known.per} > 0" if known.per else "true",
        unpriced="unpriced" if known.family == "cost" else "0",
        units=units,
    )
    level, cap, count, unpriced = cursor.execute(sql, bound).fetchone() or (None, None, 0, 0)
    return None if unpriced or not cap else _level(level, float(cap), count)


def _level(level: float | None, cap: float | None, units: int) -> ControlLevel | None:
    return None if level is None else ControlLevel(float(level), cap, int(units))


def explained_amounts(
    database: Database, served: ServedBefore, metrics: Sequence[str], *, now_us: int
) -> list[AmountHistory]:
    """The amounts of the last 28 days; without those that fewer than 500 users show, or that are not known of all.

    Raises `duckdb.Error`.
    """
    return list(_explained(database, served, metrics, now_us))


def _explained(
    database: Database, served: ServedBefore, metrics: Sequence[str], now_us: int
) -> Iterator[AmountHistory]:
    with database.read_transaction() as cursor:
        for number, table in enumerate(TABLES):
            cursor.execute(
                FORTNIGHT.format(table=table, units=PAST_UNITS), before_start(served, now_us - number * HISTORY_US)
            )
        for metric in metrics:
            known = CATALOGUE[metric]
            sql = EXPLAINED.format(
                amount=amount_of(known),
                earlier=amount_of(known, "before."),
                missing="avg(amount)" if known.per else "0.0",
                unpriced="unpriced" if known.family == "cost" else "0",
            )
            users, unpriced, level, spread, correlation = cursor.execute(sql).fetchone() or (0, 0, None, None, None)
            if (users or 0) >= LEVEL_UNITS and not unpriced and level and spread:
                yield AmountHistory(metric, level, spread, (correlation or 0.0) ** 2)
        for table in TABLES:
            cursor.execute(f"DROP TABLE temp.{table}")
