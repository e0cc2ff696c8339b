"""A candidate ships only if all that the plan requires holds, and only after whole weeks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairtrial.domain.estimates import Estimate
from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis.memory import Looked, Memory, SplitLatch
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.methods.finding import Answer
from fairtrial.experiments.simulation import trial
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.always_valid import RunningDecision
from tests.fixtures.experiments.frozen_plans import ERRORS, RESOLVED, analysis_plan, errors, resolved

PLAN = analysis_plan(resolved(), errors())


def memory(primary: Answer = "better", guardrail: Answer = "safe", *, answered_us: int = 9) -> Memory:
    since_us = answered_us if primary != "cannot tell" else None
    return Memory({(RESOLVED, "tuned"): Latched(primary, since_us), (ERRORS, "tuned"): Latched(guardrail, 9)})


def shipped(plan: AnalysisPlan, latched: Memory, now_us: int) -> str | None:
    sums = Sums(now_us, {name: ArmSums(0) for name in plan.shares})
    return trial.shipped(decide(Looked(plan=plan, memory=latched, findings=(), sums=sums)), now_us)


def test_it_ships_when_all_hold() -> None:
    assert shipped(PLAN, memory(), WEEK_US) == "tuned"


@pytest.mark.parametrize("primary", ["cannot tell", "worse", "not worse"])
def test_it_does_not_ship_without_what_the_plan_requires(primary: Answer) -> None:
    assert shipped(PLAN, memory(primary), WEEK_US) is None


@pytest.mark.parametrize(("primary", "ships"), [("not worse", True), ("better", True), ("worse", False)])
def test_not_worse_is_enough_where_the_plan_says_so(primary: Answer, ships: bool) -> None:
    plan = analysis_plan(resolved(require="not_worse"), errors())
    assert (shipped(plan, memory(primary), WEEK_US) == "tuned") is ships


@pytest.mark.parametrize("guardrail", ["cannot tell", "harm"])
def test_it_does_not_ship_before_each_guardrail_is_safe(guardrail: Answer) -> None:
    assert shipped(PLAN, memory(guardrail=guardrail), WEEK_US) is None
    assert shipped(PLAN, Memory({(RESOLVED, "tuned"): Latched("better", 9)}), WEEK_US) is None


def test_it_ships_at_the_end_of_a_week_only() -> None:
    assert shipped(PLAN, memory(), WEEK_US - 1) is None
    later = memory(answered_us=WEEK_US + 1)
    assert shipped(PLAN, later, 2 * WEEK_US - 1) is None
    assert shipped(PLAN, later, 2 * WEEK_US) == "tuned"


def test_it_does_not_ship_under_a_wrong_split_or_with_broken_intervals() -> None:
    assert shipped(PLAN, replace(memory(), split=SplitLatch(9.0, 9, 1)), WEEK_US) is None
    apart = RunningDecision().after(_interval(0.1, 0.2)).after(_interval(0.3, 0.4))
    for key in ((RESOLVED, "tuned"), (ERRORS, "tuned")):
        latched = memory()
        broken = replace(latched.latched[key], running=apart)
        assert shipped(PLAN, replace(latched, latched={**latched.latched, key: broken}), WEEK_US) is None


def test_without_a_primary_metric_nothing_ships() -> None:
    assert shipped(analysis_plan(errors()), memory(), WEEK_US) is None


def _interval(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 0.95, 100, "difference", always_valid=True)
