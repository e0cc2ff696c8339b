"""The sums of each arm equal those computed from the events, however the requests arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from msgspec import structs

from fairtrial.domain.money.tokens import Tokens
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums import metric_sums
from fairtrial.store.experiments.sums.arm_sums import read_sums
from fairtrial.store.experiments.sums.event_users import read_event_users
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.for_each import for_each
from tests.fixtures.store import live_experiment as live
from tests.fixtures.store.computed_sums import assert_same, computed, flat
from tests.fixtures.store.empty_store import empty_store

NONE: Sequence[Interruption] = ()
INTERRUPTIONS = (NONE, (live.PAUSED,), (live.PAUSED, (live.END - 1_000 * live.SECOND, None)))


def read(
    database: Database, plan: AnalysisPlan, now_us: int = live.END, interruptions: Sequence[Interruption] = NONE
) -> Sums:
    with database.read_transaction() as cursor:
        return read_sums(cursor, plan, live.HASHES, now_us=now_us, interruptions=interruptions)


@for_each("seed", range(2))
def test_sums_are_those_of_the_events(tmp_path: Path, seed: int) -> None:
    compare_sums(tmp_path, seed)


@pytest.mark.release("stories")
@for_each("seed", range(2, 6))
def test_sums_are_those_of_the_events_of_more_seeds(tmp_path: Path, seed: int) -> None:
    compare_sums(tmp_path, seed)


def compare_sums(folder: Path, seed: int) -> None:
    traffic = live.random_traffic(seed, unpriced=0.002 * seed)
    times = (live.END, live.STARTED + 2_500 * live.SECOND + 123)
    with empty_store(folder) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, traffic)
        for plan, now_us, interruptions in product((live.plan(), live.amended()), times, INTERRUPTIONS):
            sums = read(database, plan, now_us, interruptions)
            assert_same(sums, computed(plan, traffic, now_us=now_us, interruptions=interruptions))
            assert all(arm.units > 5 for arm in sums.arms.values())


def test_requests_that_a_breaker_kept_away_are_counted_apart(tmp_path: Path) -> None:
    traffic = live.random_traffic(7, kept_away=0.2)
    with empty_store(tmp_path) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, traffic)
        plan = live.plan()
        sums = read(database, plan)
        assert_same(sums, computed(plan, traffic, now_us=live.END, interruptions=NONE))
        errors = sums.arms["tuned"].metrics["requests.error_rate"]
        assert isinstance(errors, RequestErrors)
        assert errors.pessimistic is not None and sums.arms["tuned"].kept_away > 10
        with database.read_transaction() as cursor:
            (users,) = read_event_users(cursor, [(plan, live.HASHES)])
        assert users["requests.error_rate"]["tuned"] == errors.users


def test_every_metric_has_data_in_these_tests(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan(), live.amended())
    live.ingest(database, ingester, live.random_traffic(1))
    expected = {metric.metric for metric in live.METRICS}
    assert [set(arm.metrics) for arm in read(database, live.plan()).arms.values()] == [expected, expected]


def test_only_events_are_read_if_nothing_else_is_needed(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan(), live.amended())
    live.ingest(database, ingester, live.random_traffic(2))
    everything = read(database, live.plan())
    with database.read_transaction() as cursor:
        few = read_sums(cursor, live.plan(), live.HASHES, now_us=live.END, events_only=True)
    for name, arm in few.arms.items():
        whole = everything.arms[name]
        assert set(arm.metrics) == {metric.metric for metric in live.METRICS if metric.method == "events"}
        for metric, sums in arm.metrics.items():
            assert flat(sums) == pytest.approx(flat(whole.metrics[metric])), "sums in another order differ by rounding"
        assert (arm.units, arm.requests) == (whole.units, whole.requests)


def test_an_experiment_without_requests_has_arms_without_data(database: Database) -> None:
    assert read(database, live.plan()) == Sums(live.END, {"base": ArmSums(0), "tuned": ArmSums(0)})


def test_units_of_another_experiment_or_hash_are_not_read(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan(), live.amended())
    live.ingest(database, ingester, live.random_traffic(3))
    assert read(database, replace(live.plan(), experiment="other")).arms["base"] == ArmSums(0)
    with database.read_transaction() as cursor:
        assert read_sums(cursor, live.plan(), ["a3"], now_us=live.END).arms["tuned"] == ArmSums(0)
        first = read_sums(cursor, live.plan(), ["a1"], now_us=live.END)
    assert 0 < first.arms["base"].requests < read(database, live.plan()).arms["base"].requests


def test_quantiles_of_many_requests_read_all_requests_of_some_units(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.store_plans(database, live.plan(), live.amended())
    live.ingest(database, ingester, live.random_traffic(4, requests=900, units=150))
    whole = read(database, live.plan())
    requests = sum(arm.requests for arm in whole.arms.values())
    monkeypatch.setattr(metric_sums, "MOST", requests // 2)
    half = read(database, live.plan())
    for name, arm in half.arms.items():
        some, every = (sums.arms[name].metrics["requests.ttft_p95"] for sums in (half, whole))
        assert 0.3 * every.users.n < some.users.n < 0.7 * every.users.n  # type: ignore[union-attr]
        mean = [sums.users.y / sums.users.n for sums in (some, every)]  # type: ignore[union-attr]
        assert mean[0] == pytest.approx(mean[1], rel=0.3), "units have all their requests"
        assert arm.metrics["requests.error_rate"] == whole.arms[name].metrics["requests.error_rate"]


@for_each(("weights", "cached", "unknown"), [((90, 10), 100, True), ((50, 50), 100, False), ((90, 10), 750, False)])
def test_costs_are_undecided_while_a_small_arm_has_a_colder_cache(
    tmp_path: Path, weights: tuple[int, int], cached: int, unknown: bool
) -> None:
    traffic = live.random_traffic(3)
    if weights[0] > weights[1]:
        fewer = [one for at, one in enumerate(traffic.requests) if one.variant_assigned == "base" or at % 3]
        traffic.requests[:] = fewer
        traffic.feedback.clear()
    for number, event in enumerate(traffic.requests):
        read_from_cache = 800 if event.variant_assigned == "base" else cached
        tokens = Tokens(input=1000, cached=read_from_cache, output=10)
        calls = [structs.replace(call, tokens=tokens) for call in event.attempts]
        traffic.requests[number] = structs.replace(event, attempts=calls)
    shares = dict(zip(("base", "tuned"), (weight / 100 for weight in weights), strict=True))
    with empty_store(tmp_path) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, traffic)
        for arm in read(database, replace(live.plan(), shares=shares)).arms.values():
            assert ("cached shares" in arm.unknown.get("cost.per_unit", "")) == unknown
            assert ("cost.per_unit" in arm.metrics) != unknown
