"""A simulated trial goes the real way: it ships, is stopped, grows, starts again, and ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.experiments.simulation.people import SimulatedEvent
from fairtrial.experiments.simulation.scenario import end_of
from fairtrial.experiments.simulation.trial import TrialOutcome, TrialSetting, run_trial
from tests.fixtures.experiments.simulated import ERRORS, RESOLVED, arm, project, setting

pytestmark = pytest.mark.release("simulations")

BETTER, WORSE = arm(levels={RESOLVED: 0.75}), arm(levels={RESOLVED: 0.45})


def run(made: TrialSetting, seed: int = 1) -> TrialOutcome:
    return run_trial(made, np.random.default_rng(seed))


def test_a_much_better_candidate_ships_after_whole_weeks() -> None:
    outcome = run(setting(tuned=BETTER, world={"per_week": 6_000}))
    assert (outcome.end, outcome.days, outcome.better) == ("ship", 14.0, True)
    assert outcome.safe == {ERRORS}
    assert outcome.units["base"] == pytest.approx(6_000, rel=0.1)


def test_a_worse_candidate_is_called_so_and_does_not_ship() -> None:
    outcome = run(setting(tuned=WORSE))
    assert (outcome.end, outcome.worse, outcome.better, end_of(outcome)) == ("pause", True, False, "worse")


def test_a_failing_candidate_is_stopped_at_an_error_between_two_looks() -> None:
    outcome = run(setting(tuned=arm(errors=0.5)))
    assert (outcome.end, outcome.by) == ("kill", ERRORS)
    assert outcome.days < 1.0 and outcome.days != round(outcome.days)


def test_a_guardrail_can_pause_it() -> None:
    plan = project(guardrails=[{"metric": ERRORS, "margin": "1pp", "signal": "pause"}])
    assert run(setting(plan, tuned=arm(errors=0.5))).end == "pause"


def test_a_decline_pauses_it_or_a_person_resumes_it_until_harm_kills_it() -> None:
    sick = setting(tuned=arm(errors=0.06), world={"per_week": 6_000})
    paused, resumed = run(sick), run(replace(sick, resumes=True))
    assert (paused.end, paused.by, end_of(paused)) == ("pause", ERRORS, "stopped")
    assert (resumed.end, resumed.by) == ("kill", ERRORS)
    assert resumed.paused == paused.paused == paused.units
    assert resumed.units["tuned"] > paused.units["tuned"]


def test_a_seed_repeats_a_trial() -> None:
    assert run(setting(tuned=BETTER)) == run(setting(tuned=BETTER))
    assert run(setting(), 1).units != run(setting(), 2).units


def test_stages_grow_by_verdicts_and_approvals() -> None:
    enroll = {"stages": [10, 50, 100], "min_hours": 48, "min_units": 20, "approve": [100]}
    grown = run(setting(project(enroll=enroll), world={"per_week": 2_000}))
    stuck = run(setting(project(enroll={**enroll, "min_units": 5_000}), world={"per_week": 2_000}))
    assert sum(grown.units.values()) == pytest.approx(2_000 * (0.1 * 2 + 0.5 * 3 + 16) / 7, rel=0.08)
    assert sum(stuck.units.values()) == pytest.approx(2_000 * 0.1 * 3, rel=0.15)


def test_a_new_start_has_new_units_and_a_smaller_alpha() -> None:
    events = (SimulatedEvent(7, "kill"), SimulatedEvent(8, "rearm"))
    outcome = run(setting(tuned=BETTER, events=events, until_shipped=False, world={"per_week": 500}))
    assert (outcome.end, outcome.days) == ("end", 29.0)
    assert sum(outcome.units.values()) == pytest.approx(3 * 500, rel=0.1)


def test_a_stop_without_a_new_start_ends_it() -> None:
    outcome = run(setting(events=(SimulatedEvent(3, "kill"),)))
    assert (outcome.end, outcome.days) == ("stopped", 3.0)


def test_after_an_amendment_only_new_units_count() -> None:
    outcome = run(setting(events=(SimulatedEvent(14, "amend", "5pp"),), until_shipped=False))
    assert (outcome.end, outcome.days) == ("end", 21.0)
    assert sum(outcome.units.values()) == pytest.approx(1_000, rel=0.12)


def test_equal_arms_are_seldom_called_different() -> None:
    outcomes = [run(setting(until_shipped=False, world={"per_week": 600}), seed) for seed in range(40)]
    assert sum(outcome.better or outcome.worse for outcome in outcomes) <= 6
    assert sum(outcome.end == "kill" for outcome in outcomes) <= 6
    assert sum(outcome.invalid for outcome in outcomes) <= 3
    assert all(outcome.looks > 10 for outcome in outcomes)


def test_each_trial_has_its_own_assignment() -> None:
    unit_counts = [run(setting(world={"per_week": 300}), seed).units for seed in range(20)]
    gaps = [counts["tuned"] - counts["base"] for counts in unit_counts]
    assert np.std(gaps) == pytest.approx(900**0.5, rel=0.5)


def test_two_arms_on_one_engine_are_never_safe_on_latency() -> None:
    latency = [{"metric": "requests.latency_p50", "margin": "20%", "baseline": 700}]
    habit = {"habit": "all", "most": 4, "per_week": 900}
    apart, shared = (
        run(setting(project(guardrails=latency, one_engine=shared_engine), until_shipped=False, world=habit))
        for shared_engine in (False, True)
    )
    assert (apart.safe, shared.safe) == ({"requests.latency_p50"}, set())


def test_three_arms_are_each_compared_with_the_control() -> None:
    plan = project(split={"base": 40, "tuned": 30, "larger": 30})
    made = setting(plan, tuned=BETTER, world={"per_week": 4_000})
    worse = replace(made.world, arms={**made.world.arms, "larger": WORSE})
    outcome = run(replace(made, world=worse))
    assert set(outcome.units) == {"base", "tuned", "larger"}
    assert outcome.better and outcome.worse
