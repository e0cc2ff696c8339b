"""Reads each unit's share of bad requests in its first hour and first 24 hours, as histograms of each arm."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.limits.constants import MINUTE_US
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import LEFT_US, REQUESTS_CAP
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.sequential.request_errors import ErrorShares, EveryRequest
from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.stats.sums import capped_requests
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import DAY, HOUR, MINUTE
from fairtrial.store.experiments.sums import metric_sums, unit_groups

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
LATE_US = 60_000_000
"""How late the records of a window's requests may reach the store."""
UNITS_AT_ONCE = 250_000
"""Units whose rows are in memory at the same time."""
ENDS = "SELECT coalesce(min(rowid), 0), coalesce(max(rowid) + 1, 0) FROM temp.plan_units"
"""Row numbers don't begin at 0 before the transaction that wrote them has ended."""
UNITS = """
SELECT rowid - $first AS place, arm, key % 1000003 / 1000003.0 AS luck, {conditions}
FROM temp.plan_units
WHERE rowid >= $first AND rowid < $last
"""
ROWS = f"""
SELECT place, minute < since + {HOUR} AS in_hour, coalesce(kept_away, false) AS kept_away, sent{{first}}, {{columns}}
FROM (
    SELECT hash(unit) AS key, {MINUTE.format(first_at="first_at")} AS minute, kept_away, sent{{first}}, {{columns}}
    FROM unit_sums
    WHERE experiment = $experiment AND list_contains($hashes::VARCHAR[], analysis_hash) AND NOT early
        AND first_at >= $week
) JOIN (
    SELECT rowid - $first AS place, key, since FROM temp.plan_units WHERE rowid >= $first AND rowid < $last
) USING (key)
WHERE minute < since + {DAY}
"""  # noqa: S608 - ours

FIRST = ", is_first, first_at"

Columns = Mapping[str, NDArray[Any]]
Values = NDArray[np.float64]
NEXT = """
SELECT epoch_us(min(since + to_microseconds(length)))
FROM (
    SELECT min(first_at) FILTER (NOT early) AS since
    FROM unit_sums
    WHERE experiment = $1 AND list_contains($2::VARCHAR[], analysis_hash) AND first_at >= $5
    GROUP BY hash(unit)
), (SELECT unnest($3::BIGINT[]) AS length)
WHERE since + to_microseconds(length) > make_timestamp($4)
"""


def read_shares(
    cursor: Cursor,
    plan: AnalysisPlan,
    hashes: Sequence[str],
    metrics: Sequence[MetricPlan],
    *,
    until_us: Mapping[int, int],
    interruptions: Sequence[Interruption],
) -> dict[tuple[int, str], ErrorShares]:
    """The shares by the index of the arm in the plan, and metric. `unit_groups.keep` must have kept the units.

    ``until_us``: the time of the look by the length of a window. With a unit for each request, both windows are the
    request, and complete at once. Raises `duckdb.Error`.
    """
    cuts = unit_groups.cutting(plan, interruptions)
    conditions = {
        f"within_{window}_{late}": "true"
        if plan.unit == "request"
        else unit_groups.complete(window, at_us - late, cuts)
        for window, at_us in until_us.items()
        for late in {_late_us(metric) for metric in metrics}
    }
    conditions |= {f"counts_{at}": unit_groups.counts(plan, metric) for at, metric in enumerate(metrics)}
    known = [CATALOGUE[metric.metric] for metric in metrics]
    names = dict.fromkeys(name for each in known for name in (each.over, each.per))
    units_sql = UNITS.format(conditions=", ".join(f"{sql} AS {name}" for name, sql in conditions.items()))
    rows_sql = ROWS.format(columns=", ".join(names), first=FIRST if plan.counts_first_requests else "")
    shares_by_arm: dict[tuple[int, str], ErrorShares] = {}
    for first, last in _slices(cursor):
        part = {"first": first, "last": last}
        units = cursor.execute(units_sql, part).fetchnumpy()
        of_plan = {"experiment": plan.experiment, "hashes": list(hashes), "week": unit_groups.week_start(plan)}
        rows = cursor.execute(rows_sql, part | of_plan).fetchnumpy()
        windows = _Windows.of(rows, list(names), units["place"])
        for at, metric in enumerate(metrics):
            for arm in range(len(plan.shares)):
                here = (units["arm"] == arm) & units[f"counts_{at}"]
                control = arm == list(plan.shares).index(plan.control)
                shares = windows.shares(metric, units, here, control=control, every=plan.weighs_every_request)
                before = shares_by_arm.get((arm, metric.metric))
                shares_by_arm[arm, metric.metric] = shares if before is None else before + shares
    return shares_by_arm


@dataclass(frozen=True, slots=True)
class _Windows:
    """The sums of each unit in its first hour and day, by column, and the day's requests that a breaker kept away.

    The units have the order in which they were read. ``first``: of its first request that no breaker kept away;
    ``None`` by rules that do not read it.
    """

    hour: Columns
    day: Columns
    kept_away: Values
    first: Columns | None = None

    @classmethod
    def of(cls, rows: Columns, names: Sequence[str], units: NDArray[np.int64]) -> "_Windows":
        place, away = rows["place"].astype(np.int64), rows["kept_away"].astype(bool)
        in_day = ~away
        in_hour = in_day & rows["in_hour"].astype(bool)

        def summed(which: NDArray[Any], names: Sequence[str] = names) -> Columns:
            of, units_above = place[which], int(units.max()) + 1
            return {name: np.bincount(of, weights=rows[name][which], minlength=units_above)[units] for name in names}

        return cls(
            summed(in_hour),
            summed(in_day),
            summed(away, ["sent"])["sent"],
            summed(_earliest(rows, place)) if "is_first" in rows else None,
        )

    def shares(
        self, metric: MetricPlan, units: Columns, here: NDArray[np.bool_], *, control: bool, every: bool
    ) -> ErrorShares:
        """The shares of one arm, whose units ``here`` marks. ``every``: with the sums of all requests.

        Requests that were kept away are bad ones of a treatment, and good ones of the control.
        """
        known, at = CATALOGUE[metric.metric], np.flatnonzero(here)
        over, per, luck = known.over, str(known.per), units["luck"][at]
        away = self.kept_away[at] if known.needs_answer else 0.0
        bad, whole = self.day[over][at] + (0.0 if control else away), self.day[per][at] + away
        in_hour = units[f"within_{HOUR_US}_{_late_us(metric)}"][at] & (self.hour[per][at] > 0)
        in_day = units[f"within_{DAY_US}_{_late_us(metric)}"][at] & (whole > 0)
        bad, whole = bad[in_day], whole[in_day]
        hour = self.hour[over][at][in_hour], self.hour[per][at][in_hour]
        cap = float(metric.cap or REQUESTS_CAP)
        return ErrorShares(
            UnitShares.of(*hour, luck=luck[in_hour]),
            UnitShares.of(bad, whole, luck=luck[in_day]),
            capped_requests(bad, whole, cap=cap),
            EveryRequest.of(bad, whole) if every else None,
            None if self.first is None or known.is_late else _present(self.first[over][at], self.first[per][at], luck),
        )


def _late_us(metric: MetricPlan) -> int:
    """How long after a window's end all of it is known; what units do next is looked for every minute."""
    return LATE_US + (LEFT_US + MINUTE_US if CATALOGUE[metric.metric].is_late else 0)


def _present(bad: Values, requests: Values, luck: Values) -> UnitShares:
    """The shares of the units that have a request."""
    counts = requests > 0
    return UnitShares.of(bad[counts], requests[counts], luck=luck[counts])


def _earliest(rows: Columns, place: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where the rows of the units' first requests are: of those that are marked, the earliest one."""
    marked = np.flatnonzero(rows["is_first"])
    if len(marked) == np.count_nonzero(np.bincount(place[marked])):
        return marked  # one for each unit
    order = marked[np.lexsort((rows["first_at"][marked], place[marked]))]
    earliest: NDArray[np.intp] = order[np.diff(place[order], prepend=-1) != 0]
    return earliest


def _slices(cursor: Cursor) -> Iterator[tuple[int, int]]:
    """The row numbers of some units: the first one, and that after the last one."""
    ((begin, end),) = cursor.execute(ENDS).fetchall()
    for first in range(begin, end, UNITS_AT_ONCE):
        yield first, min(end, first + UNITS_AT_ONCE)


def next_window_end(database: Database, plan: AnalysisPlan, hashes: Sequence[str], *, after_us: int) -> int | None:
    """When the next window of any unit is complete, with the time that late records have; raises `StoreError`."""
    lengths = _lengths(plan)
    if not lengths:
        return None
    end_us: int | None = database.value(
        NEXT, (plan.experiment, list(hashes), lengths, after_us, unit_groups.week_start(plan))
    )
    return end_us


def _lengths(plan: AnalysisPlan) -> list[int]:
    """The lengths of the windows that the metrics of the plan wait for."""
    lengths = [
        round(metric.window_seconds * 1e6) + metric_sums.LATE_US for metric in plan.metrics if metric.window_seconds
    ]
    if plan.unit != "request" and any(metric.method == "shares" for metric in plan.metrics):
        late = {_late_us(metric) for metric in plan.metrics if metric.method == "shares"}
        lengths += [length + wait for length in (HOUR_US, DAY_US) for wait in late]
    return sorted(set(lengths))
