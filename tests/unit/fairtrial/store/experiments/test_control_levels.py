"""The control's levels are those of its units, now and in the days before the start."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from statistics import mean

import numpy as np
import pytest

from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import HISTORY_US
from fairtrial.journal.writer import JournalWriter
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums import control_levels
from fairtrial.store.experiments.sums.control_levels import ControlLevel, history_level, read_level
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.for_each import for_each
from tests.fixtures.store import computed_sums, live_experiment as live, samples

SINCE = live.STARTED + 500 * live.SECOND
AMOUNTS = [metric for metric in live.METRICS if metric.method == "amount"]
OTHER_METRICS = [metric for metric in live.METRICS if metric.method != "amount"]


def ingest(database: Database, ingester: Ingester, traffic: live.Traffic) -> None:
    live.store_plans(database, live.plan(), live.amended())
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*traffic.lines())
    writer.close()
    ingester.catch_up()


@pytest.fixture
def traffic(database: Database, ingester: Ingester) -> live.Traffic:
    """Random traffic, which the store contains."""
    traffic = live.random_traffic(8)
    ingest(database, ingester, traffic)
    return traffic


@for_each("metric", OTHER_METRICS, label=attrgetter("metric"))
def test_a_level_is_that_of_the_controls_units(
    database: Database, traffic: live.Traffic, metric: live.MetricPlan
) -> None:
    with database.read_transaction() as cursor:
        level = read_level(cursor, live.plan(), metric, live.HASHES, since_us=SINCE)
    of = replace(live.plan(from_us=SINCE), metrics=(replace(metric, role="guardrail", from_us=0),))
    sums = computed_sums.computed(of, traffic, now_us=END_OF_TIME_US, interruptions=())["base"].metrics[metric.metric]
    if isinstance(sums, RequestErrors):
        units = [unit for unit in computed_sums.units_of(traffic) if unit.arm == "base" and unit.since >= SINCE]
        counts = [computed_sums.column(unit, CATALOGUE[metric.metric].per) for unit in units]
        most = float(np.quantile([count for count in counts if count], 0.99))
        assert level == pytest.approx((sums.requests.x / sums.requests.y, most, sums.requests.n))
    elif isinstance(sums, QuantileSums):
        assert level == (None if sums.value == float("inf") else (sums.value, None, sums.users.n))
    else:
        assert isinstance(sums, Feedback)
        assert level == pytest.approx((sums.given.mean, None, sums.given.n))


@for_each("metric", AMOUNTS, label=attrgetter("metric"))
def test_the_cap_of_an_amount_is_its_99_percent_quantile(
    database: Database, traffic: live.Traffic, metric: live.MetricPlan
) -> None:
    with database.read_transaction() as cursor:
        level = read_level(cursor, live.plan(), metric, live.HASHES, since_us=SINCE)
    known = CATALOGUE[metric.metric]
    units = [unit for unit in computed_sums.units_of(traffic) if unit.arm == "base" and unit.since >= SINCE]
    pairs = [
        (computed_sums.column(unit, known.over), computed_sums.column(unit, known.per) if known.per else 1)
        for unit in units
    ]
    amounts = [over / per for over, per in pairs if per]
    cap = float(np.quantile(amounts, 0.99))
    assert level == pytest.approx((mean(min(amount, cap) for amount in amounts), cap, len(amounts)))


def test_a_cost_without_some_prices_has_no_level(database: Database, ingester: Ingester) -> None:
    ingest(database, ingester, live.random_traffic(9, unpriced=0.2))
    with database.read_transaction() as cursor:
        for name in ("cost.per_request", "cost.per_unit"):
            metric = live.metric(name)
            assert read_level(cursor, live.plan(), metric, live.HASHES, since_us=SINCE) is None


def test_without_units_there_is_no_level(database: Database) -> None:
    with database.read_transaction() as cursor:
        for metric in live.METRICS:
            assert read_level(cursor, live.plan(), metric, live.HASHES, since_us=SINCE) is None
            assert history_level(cursor, live.plan(), metric, route="support-bot", deployment="base") is None


def past(number: int, *, at_us: int, unit: str, **more: object) -> live.Traffic:
    """A request that the control's deployment served outside the experiment, with feedback."""
    call = samples.attempt_of(number, at_us=at_us, cost_usd="0.002")
    event = samples.record(
        number, reason="direct", at_us=at_us, unit=unit, latency_ms=float(number), **({"attempts": [call]} | more)
    )
    feedback = samples.feedback(number, at_us=at_us + 10, boolean=number % 4 == 0, declared=True)
    return live.Traffic([event], [feedback])


def test_a_level_from_history_is_that_of_the_controls_deployment(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 10)
    traffic = live.Traffic()

    def add(number: int, *, at_us: int, **more: object) -> None:
        earlier = past(number, at_us=at_us, unit=f"p-{number // 2}", **more)
        traffic.requests += earlier.requests
        traffic.feedback += earlier.feedback

    for number in range(20):
        failed = {"arm_outcome": "failed", "user_outcome": "failed", "outcome": "error"} if number % 10 == 0 else {}
        add(number, at_us=live.STARTED - HISTORY_US + number, **failed)
    add(100, at_us=live.STARTED - HISTORY_US - 1)
    add(101, at_us=live.STARTED)
    add(102, at_us=live.STARTED - 1, route="other")
    add(103, at_us=live.STARTED - 1, attempts=[samples.attempt_of(103, deployment="other")])
    ingest(database, ingester, traffic)
    of = {"route": "support-bot", "deployment": "base"}
    with database.read_transaction() as cursor:
        levels = {
            name: history_level(cursor, live.plan(), live.metric(name), **of)
            for name in ("requests.error_rate", "cost.per_unit", "requests.latency_p50", "feedback.resolved")
        }
        share = history_level(cursor, live.plan(), live.metric("feedback.resolved.given"), **of)
    assert levels["requests.error_rate"] == (0.1, 2.0, 10)
    assert levels["cost.per_unit"] == pytest.approx((0.004, 0.004, 10))
    assert levels["requests.latency_p50"] == (11.0, None, 10), "two failures are infinitely slow"
    assert levels["feedback.resolved"] == (0.25, None, 10)
    assert share == ControlLevel(1.0, None, 10)
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 11)
    with database.read_transaction() as cursor:
        assert history_level(cursor, live.plan(), live.metric("requests.error_rate"), **of) is None
