"""The primary metric by whole week equals what follows from the events."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from fairtrial.experiments.sums import OverTime
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums import over_time_sums
from fairtrial.store.experiments.sums.arm_sums import read_sums
from tests.fixtures.store import live_experiment as live
from tests.fixtures.store.computed_sums import computed_weeks
from tests.fixtures.store.empty_store import empty_store

WEEK_US, WEEKS = 1_500 * live.SECOND, 5
"""A shorter week, so that the traffic of these tests has several."""
PRIMARIES = (
    "feedback.resolved",
    "feedback.resolved.given",
    "feedback.stars",
    "requests.error_rate",
    "requests.attempt_error_rate",
    "requests.schema_valid_rate",
    "requests.tokens",
    "cost.per_request",
    "cost.per_unit",
    "requests.latency_p50",
)


def flat(weeks: OverTime) -> dict[str, float | None]:
    return {
        f"{kind} {number} {name}": value
        for kind, levels in asdict(weeks).items()
        for number, level in enumerate(levels)
        for name, value in (level or {"n": None}).items()
    }


def test_weeks_are_those_of_the_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_time_sums, "WEEK_US", WEEK_US)
    traffic = live.random_traffic(3, requests=600, kept_away=0.1)
    with empty_store(tmp_path) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, traffic)
        for name in PRIMARIES:
            metric = next(metric for metric in live.METRICS if metric.metric == name)
            better = "higher" if name == "requests.schema_valid_rate" else metric.better
            plan = live.plan(rules=6, metrics=(replace(metric, role="primary", better=better),))
            with database.read_transaction() as cursor:
                by_variant = over_time_sums.read_weeks(cursor, plan, live.HASHES, WEEKS, interruptions=(live.PAUSED,))
            for arm in plan.shares:
                over_time = by_variant[arm]
                assert over_time is not None and sum(week is not None for week in over_time.weeks) >= 1, name
                expected = computed_weeks(plan, traffic, arm, WEEK_US, WEEKS)
                assert flat(over_time) == pytest.approx(flat(expected)), (name, arm)


def test_weeks_are_read_once_each_is_over(database: Database) -> None:
    plan = live.plan(rules=6)
    late = plan.from_us + over_time_sums.WEEK_US + over_time_sums.metric_sums.LATE_US
    with database.read_transaction() as cursor:
        early, whole = (read_sums(cursor, plan, live.HASHES, now_us=at) for at in (late - 1, late))
        assert over_time_sums.with_weeks(cursor, plan, live.HASHES, early) == early
        known = over_time_sums.with_weeks(cursor, plan, live.HASHES, whole)
        assert known.arms["base"].over_time == OverTime((None,), (None,))
    assert over_time_sums.next_week_end(plan, late - 1) == late
    assert over_time_sums.next_week_end(plan, late) == late + over_time_sums.WEEK_US
