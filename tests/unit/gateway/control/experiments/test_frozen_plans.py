"""A start freezes what users cost before it, where that is known; an amendment that counts anew reads it again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from benchmarks.experiment_trials.project import NAME, project
from fairtrial.domain.plan import Plan, Route
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.experiments.sums import control_levels
from fairtrial.store.ingest.ingest import Ingester
from gateway.control.experiments.frozen_plans import amended_plan, start_plan
from gateway.control.present import Publisher
from tests.fixtures.store import live_experiment as live, samples

METRICS = ("cost.per_unit", "cost.per_request", "requests.error_rate")
COSTS = [{"metric": name, "margin": "1pp" if name.startswith("requests") else "20%"} for name in METRICS]


def history(database: Database, users: int) -> None:
    requests = [
        samples.record(
            number, reason="direct", at_us=live.STARTED - 1 - number, unit=f"u-{number}",
            attempts=[samples.attempt_of(number, at_us=live.STARTED, cost_usd="0.002")],
        )
        for number in range(users)
    ]  # fmt: skip
    live.ingest(database, Ingester(database, lambda: live.END), live.Traffic(requests))


def started(database: Database, plan: Plan) -> dict[str, MetricPlan]:
    experiment = plan.experiments[NAME]
    stored = start_plan(database, plan, experiment, now_us=live.STARTED)
    again = analysis_plans.newest(database, NAME)
    assert again is not None and again.plan == stored.plan
    return {metric.metric: metric for metric in stored.plan.metrics}


def kept(database: Database) -> int:
    return int(
        database.rows("SELECT count(*) FROM unit_sums WHERE analysis_hash = $1", (f"before {live.STARTED}",))[0][0]
    )


def planned(**more: Any) -> Plan:
    declared = project(**({"guardrails": COSTS} | more))
    return replace(declared, routes={"support-bot": Route("support-bot", experiment=NAME)})


def test_a_start_freezes_what_users_cost_before(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 20)
    history(database, 20)
    metrics = started(database, planned())
    assert (metrics["cost.per_unit"].earlier, metrics["cost.per_request"].earlier) == (0.0, 0.002)
    assert metrics["requests.error_rate"].earlier is msgspec.UNSET
    assert kept(database) == 20


def test_nothing_is_kept_where_little_is_known_or_no_user(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    history(database, 20)
    assert all(metric.earlier is msgspec.UNSET for metric in started(database, planned()).values())
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 20)
    metrics = started(database, planned(unit="conversation", salt="other"))
    assert metrics["cost.per_unit"].level == pytest.approx(0.002)
    assert all(metric.earlier is msgspec.UNSET for metric in metrics.values())
    assert kept(database) == 0


def test_only_an_amendment_that_counts_anew_reads_the_levels_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(database, 20)
    before = planned()
    assert started(database, before)["cost.per_unit"].level is None
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 20)
    found = {}
    slower = planned(enroll={"stages": [100], "min_hours": 48})
    files = {"slower": slower, "anew": planned(guardrails=COSTS[:2])}
    for case, file in files.items():
        publisher = cast(Publisher, SimpleNamespace(declared_plan=lambda file=file: file))
        amended = amended_plan(database, publisher, before.experiments[NAME], now_us=live.STARTED + 1)
        levels = {metric.metric: metric.level for metric in amended.metrics}
        found[case] = (amended.attempt, amended.from_us, levels["cost.per_unit"])
    assert found == {
        "slower": (1, live.STARTED, None),
        "anew": (2, live.STARTED + 1, pytest.approx(0.002)),
    }
