"""The sums of a timeline at any time are those that the library builds from the units themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fairtrial.domain.limits.constants import DAY_US
from fairtrial.experiments.analysis.freeze import Known, freeze
from fairtrial.experiments.analysis_plan import UNCAPPED, AnalysisPlan
from fairtrial.experiments.simulation.people import (
    NEVER,
    Exposed,
    People,
    SimulatedArm,
    SimulatedAssignment,
    World,
    assign_people,
    draw_people,
    expose,
)
from fairtrial.experiments.simulation.timeline import QUANTILE_STEP_US, Timeline
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.stats.sequential.request_errors import RequestErrors
from tests.fixtures.experiments.simulated import ERRORS, NAME, RESOLVED, arm, project
from tests.fixtures.for_each import for_each

GUARDRAILS = [
    {"metric": ERRORS, "margin": "1pp", "cap": 4},
    {"metric": "requests.rejected_rate", "margin": "1pp"},
    {"metric": "cost.per_request", "margin": "20%", "baseline": 0.01, "cap": 0.02},
    {"metric": "cost.per_unit", "margin": "20%", "baseline": 0.05, "cap": 0.09},
    {"metric": "requests.latency_p50", "margin": "20%", "baseline": 1000},
    {"metric": "feedback.resolved.given", "margin": "5pp"},
]
ARM = arm(response=0.8, late_days=2.0, errors=0.1, runaway=0.05)


class Case:
    """One draw, with its timeline and all that it was made from."""

    def __init__(self, seed: int, *, tuned: SimulatedArm = ARM, from_us: int = 0, **world: Any) -> None:
        metrics = {"resolved": {"from": "feedback", "key": "resolved", "kind": "boolean", "window": "3d"}}
        compiled = project(metrics=metrics, guardrails=GUARDRAILS)
        experiment = compiled.experiments[NAME]
        frozen = freeze(compiled, experiment, from_us, {RESOLVED: Known(response=0.8)})
        self.plan: AnalysisPlan = replace(frozen, started_us=0)
        self.arms: Mapping[str, SimulatedArm] = {"base": ARM, "tuned": tuned}
        self.world = World(
            **{"per_week": 200, "arms": self.arms, "habit": "uniform", "most": 9, "active_days": 4} | world
        )
        self.people: People = draw_people(
            np.random.default_rng(seed),
            self.world,
            units=250,
            span_us=(0, 14 * DAY_US),
            feedback=[RESOLVED],
            amounts=True,
        )
        self.assigned: SimulatedAssignment = assign_people(experiment, self.people.names)
        stages = [(0, 40.0), (4 * DAY_US, 100.0)]
        self.exposed: Exposed = expose(self.people, self.assigned, stages, from_us=from_us)
        self.timeline = Timeline.of(self.plan, self.world, self.people, (self.assigned, self.exposed))

    def units(self, name: str, now_us: int) -> list[tuple[int, np.ndarray[Any, Any]]]:
        """Each exposed unit of an arm, with the numbers of its counted requests so far."""
        number = self.assigned.variants.index(name)
        sent = self.exposed.counted & (self.people.at_us <= now_us)
        sums_of_units = []
        for unit in np.flatnonzero((self.assigned.arm == number) & (self.exposed.first_us <= now_us)):
            sums_of_units.append((int(unit), np.flatnonzero(sent & (self.people.unit == unit))))
        return sums_of_units


CASES = [Case(1), Case(2, from_us=3 * DAY_US), Case(3, habit="one", most=1)]
TIMES = [round(day * DAY_US) for day in (0.3, 2.0, 4.0, 7.7, 12.0, 17.0)]


@pytest.fixture(params=CASES, ids=["plain", "amended", "one"])
def case(request: pytest.FixtureRequest) -> Case:
    simulated: Case = request.param
    return simulated


@for_each("now_us", TIMES)
def test_units_and_errors_are_those_of_the_units(case: Case, now_us: int) -> None:
    sums = case.timeline.at(now_us)
    for name in ("base", "tuned"):
        units = case.units(name, now_us)
        assert sums.arms[name].units == len(units)
        assert sums.arms[name].requests == sum(len(sent) for _, sent in units)
        if not units:
            assert ERRORS not in sums.arms[name].metrics
            continue
        bad = [float((case.people.luck[sent] < case.arms[name].errors).sum()) for _, sent in units]
        same(sums.arms[name].metrics[ERRORS], RequestErrors.of(bad, [len(sent) for _, sent in units], cap=UNCAPPED))
        none = RequestErrors.of([0.0] * len(units), [len(sent) for _, sent in units], cap=UNCAPPED)
        same(sums.arms[name].metrics["requests.rejected_rate"], none)


@for_each("now_us", TIMES)
def test_costs_are_those_of_the_units(case: Case, now_us: int) -> None:
    sums = case.timeline.at(now_us)
    for name in ("base", "tuned"):
        units = case.units(name, now_us)
        truth = case.arms[name]
        more = [truth.runaway_times if case.people.odd[unit] < truth.runaway else 1.0 for unit, _ in units]
        spent = [
            times * truth.cost * float(case.people.size[sent].sum())
            for times, (_, sent) in zip(more, units, strict=True)
        ]
        if units:
            each = [total / len(sent) for total, (_, sent) in zip(spent, units, strict=True)]
            same(sums.arms[name].metrics["cost.per_request"], Amounts.of(each, limit=0.02))
            same(sums.arms[name].metrics["cost.per_unit"], Amounts.of(spent, limit=0.09))


@for_each("now_us", TIMES)
def test_feedback_is_that_of_complete_windows(case: Case, now_us: int) -> None:
    sums, people = case.timeline.at(now_us), case.people
    for name in ("base", "tuned"):
        mine = [unit for unit, _ in case.units(name, now_us)]
        start = case.exposed.first_us[mine] / 1e6
        gives = people.gives[RESOLVED][mine] < 0.8
        answered = np.where(gives, start + people.delay[RESOLVED][mine] * 2.0 * 86_400, np.nan)
        value = (people.says[RESOLVED][mine] < 0.6).astype(np.float64)
        built = Feedback.of(start, answered, value, window=3 * 86_400.0, until=now_us / 1e6)
        feedback = sums.arms[name].metrics.get(RESOLVED)
        assert feedback == (built if built.units else None)
        given = sums.arms[name].metrics.get("feedback.resolved.given")
        if isinstance(given, Feedback):
            assert (given.units, given.given.n, given.given.x) == (built.units, built.units, built.given.n)


def test_quantiles_are_those_of_the_values_at_the_last_step(case: Case) -> None:
    now_us = 9 * DAY_US + 5_000_000
    for name in ("base", "tuned"):
        units = case.units(name, now_us - now_us % QUANTILE_STEP_US)
        sent = np.concatenate([each for _, each in units])
        truth = case.arms[name]
        failed = case.people.luck[sent] < truth.errors
        value = np.where(failed, np.inf, truth.latency_ms * case.people.speed[sent])
        users = [str(unit) for unit, each in units for _ in each]
        same(case.timeline.at(now_us).arms[name].metrics["requests.latency_p50"], QuantileSums.of(value, users, 0.5))


def test_harm_is_looked_for_at_each_first_error_of_a_treated_unit(case: Case) -> None:
    last = max(TIMES)
    times = set()
    for _, sent in case.units("tuned", last):
        bad = sent[case.people.luck[sent] < case.arms["tuned"].errors]
        times |= {int(case.people.at_us[bad].min())} if len(bad) else set()
    assert times == {int(time) for time in case.timeline.harm_us if time <= last}


def test_errors_can_begin_after_healthy_units() -> None:
    simulated = Case(4, tuned=replace(ARM, errors=1.0, errors_before=0.0, healthy=20), habit="one", most=1)
    harm = simulated.timeline.harm_us
    first = np.sort(simulated.exposed.first_us[(simulated.assigned.arm == 1) & (simulated.exposed.first_us < NEVER)])
    assert harm.tolist() == first[20:].tolist()
    never = Case(4, tuned=replace(ARM, errors=1.0, healthy=10_000), habit="one", most=1)
    assert len(never.timeline.harm_us) == 0


def same(computed: Any, built: Any) -> None:
    """Equal up to rounding."""
    if isinstance(built, RequestErrors):
        assert computed.users == built.users and computed.cap == built.cap
        pairs = [
            (getattr(computed.requests, key), getattr(built.requests, key)) for key in ("n", "x", "y", "xx", "yy", "xy")
        ]
    elif isinstance(built, Amounts):
        assert computed.above == built.above and computed.limit == built.limit
        pairs = [(getattr(computed.capped, key), getattr(built.capped, key)) for key in ("n", "x", "xx")]
    else:
        pairs = [(getattr(computed, key), getattr(built, key)) for key in ("value", "lower", "upper")]
        pairs += [
            (getattr(computed.users, key), getattr(built.users, key)) for key in ("n", "x", "y", "xx", "yy", "xy")
        ]
    for value, expected in pairs:
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)
