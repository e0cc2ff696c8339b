"""Finds when the next window of a unit ends, because the sums of an arm then change without new data."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums import feedback_sums, share_sums

NEXT = """
SELECT epoch_us(min(since + to_microseconds(length)))
FROM (
    SELECT min(first_at) FILTER (NOT early) AS since
    FROM unit_sums
    WHERE experiment = $1 AND list_contains($2::VARCHAR[], analysis_hash)
    GROUP BY hash(unit)
), (SELECT unnest($3::BIGINT[]) AS length)
WHERE since + to_microseconds(length) > make_timestamp($4)
"""


def next_window_end(database: Database, plan: AnalysisPlan, hashes: Sequence[str], *, after_us: int) -> int | None:
    """When the next window of any unit is complete, with the time that late records have; raises `StoreError`."""
    lengths = _lengths(plan)
    if not lengths:
        return None
    found: int | None = database.value(NEXT, (plan.experiment, list(hashes), lengths, after_us))
    return found


def _lengths(plan: AnalysisPlan) -> list[int]:
    """The lengths of the windows that the metrics of the plan wait for."""
    found = [round(one.window_seconds * 1e6) + feedback_sums.LATE_US for one in plan.metrics if one.window_seconds]
    if plan.unit != "request" and any(one.method == "shares" for one in plan.metrics):
        found += [length + share_sums.LATE_US for length in (share_sums.HOUR_US, share_sums.DAY_US)]
    return sorted(set(found))
