"""Stored looks as pages read them: the newest sums, and an even selection of the series."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans, looks, stored_looks
from fairtrial.store.experiments.analysis_plans import StoredPlan
from tests.fixtures.experiments.reported_looks import DAY_US, ERRORS, START, analysis_plan, arm, sums

LATENCY = MetricPlan(
    metric="requests.latency_p50", role="guardrail", method="quantile", better="lower", require="not_worse",
    margin=0.2, relative=True, level=900.0,
)  # fmt: skip


def stored(database: Database, plan: AnalysisPlan) -> StoredPlan:
    with database.transaction() as cursor:
        number = analysis_plans.append(cursor, plan, now_us=START, kind="start", actor="control", why="started")
    return StoredPlan(number, START, "start", "control", "started", plan)


def look(database: Database, plan: StoredPlan, memory: Memory, result: Sums) -> Memory:
    findings = find(plan.plan, result)
    memory = memory.after(plan.plan, result, findings)
    with database.transaction() as cursor:
        looks.append(cursor, plan.number, Looked(plan=plan.plan, memory=memory, findings=findings, sums=result), {})
    return memory


@pytest.mark.parametrize("most", [1, 7, 50, 100])
def test_a_series_is_an_even_selection_that_ends_with_the_newest_look(database: Database, most: int) -> None:
    plan, memory = stored(database, analysis_plan()), Memory()
    for number in range(2, 52):  # the first look has too few units for an interval
        memory = look(
            database, plan, memory, sums(number / 10, arm(10 * number, 5 * number), arm(10 * number, 6 * number))
        )
    series = stored_looks.metric_series(database, plan, "feedback.resolved", most=most)
    assert 0.5 * min(most, 49) <= len(series) <= most
    assert series[-1].at_us == START + round(5.1 * DAY_US) and series[-1].units == 1020
    assert [look.at_us for look in series] == sorted(look.at_us for look in series)
    assert len({later.at_us - look.at_us for look, later in pairwise(series)}) <= 1
    assert all(isinstance(look.finding.estimate, Estimate) for look in series)
    assert series[-1].running["low"] == memory.latched["feedback.resolved", "tuned"].running.low


def test_the_newest_sums_are_those_of_the_last_look(database: Database) -> None:
    plan = stored(database, analysis_plan())
    assert stored_looks.newest_sums(database, plan).arms == {"base": ArmSums(0), "tuned": ArmSums(0)}
    memory = look(database, plan, Memory(), sums(1, arm(50, 20), arm(51, 25)))
    last = sums(2, arm(90, 40), arm(95, 50))
    look(database, plan, memory, last)
    last_sums = stored_looks.newest_sums(database, plan)
    assert last_sums.at_us == last.at_us
    assert {name: (arm.units, arm.metrics) for name, arm in last_sums.arms.items()} == {
        name: (arm.units, arm.metrics) for name, arm in last.arms.items()
    }


def test_infinite_latencies_come_back(database: Database) -> None:
    plan = stored(database, analysis_plan(metrics=(LATENCY, ERRORS)))
    slow = QuantileSums.of(np.array([100.0] * 40 + [inf] * 60), None, 0.5)
    base = sums(1, arm(100, 0), arm(100, 0))
    arms = {name: replace(arm, metrics={**arm.metrics, LATENCY.metric: slow}) for name, arm in base.arms.items()}
    look(database, plan, Memory(), replace(base, arms=arms))
    latencies = stored_looks.newest_sums(database, plan).arms["tuned"].metrics[LATENCY.metric]
    assert isinstance(latencies, QuantileSums) and latencies.value == inf
