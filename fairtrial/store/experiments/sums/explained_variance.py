"""Reads how much of the variance of an amount an earlier amount of the same users explains, for the planner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.traffic import AmountHistory, ServedBefore
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums.control_levels import LEAST_UNITS
from fairtrial.store.experiments.sums.earlier_units import amount_of
from fairtrial.store.experiments.sums.past_requests import HISTORY_US, PAST_UNITS, before

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
                FORTNIGHT.format(table=table, units=PAST_UNITS), before(served, now_us - number * HISTORY_US)
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
            if (users or 0) >= LEAST_UNITS and not unpriced and level and spread:
                yield AmountHistory(metric, level, spread, (correlation or 0.0) ** 2)
        for table in TABLES:
            cursor.execute(f"DROP TABLE temp.{table}")
