"""Planned looks are made at tenths of the planned units, once each, and keep their error and power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sums import Moments
from tests.fixtures.experiments.planned import PLAN, PLANNED, RESOLVED


def sums(base: int, of_base: int, tuned: int, of_tuned: int) -> Sums:
    arms = {}
    for name, yes, of in (("base", base, of_base), ("tuned", tuned, of_tuned)):
        arms[name] = ArmSums(of, of, {RESOLVED: Feedback(of, Moments(of, yes, yes), 3600.0)})
    return Sums(1, arms)


def decided(rng: np.random.Generator, rates: tuple[float, float]) -> tuple[str, float]:
    """The answer of a trial whose monitor steps every 37 units of an arm, and the share of the planned units then."""
    assert PLANNED is not None
    memory, yes, of = Memory(), [0, 0], [0, 0]
    while of[0] + of[1] < 1.2 * PLANNED:
        for arm in (0, 1):
            yes[arm] += int(rng.binomial(37, rates[arm]))
            of[arm] += 37
        now = sums(yes[0], of[0], yes[1], of[1])
        memory = memory.after(PLAN, now, find(PLAN, now, memory.looked(RESOLVED)))
        if memory.latched[RESOLVED, "tuned"].answer != "cannot tell":
            break
    return memory.latched[RESOLVED, "tuned"].answer, (of[0] + of[1]) / PLANNED


def test_a_look_is_made_once_at_each_tenth_and_none_after_the_whole() -> None:
    assert PLANNED is not None
    memory, shares = Memory(), []
    for share in (0.05, 0.12, 0.15, 0.19, 0.31, 0.32, 0.99, 1.03, 1.2, 2.0):
        half = round(share * PLANNED / 2)
        now = sums(half // 2, half, half // 2, half)
        findings = find(PLAN, now, memory.looked(RESOLVED))
        shares.append(findings[0].information)
        memory = memory.after(PLAN, now, findings)
    made = [share for share in shares if share is not None]
    assert made == pytest.approx([0.12, 0.31, 0.99, 1.03], abs=0.01)
    assert memory.latched[RESOLVED, "tuned"].times == tuple(made)
    assert find(PLAN, now, memory.looked(RESOLVED))[0].why == "all of the 10 planned looks were made"


def test_between_looks_it_says_when_the_next_one_is() -> None:
    findings = find(PLAN, sums(10, 20, 10, 20))
    assert findings[0].why.startswith("look 1 of 10 is planned at ") and findings[0].answer == "cannot tell"


@pytest.mark.release("simulations")
def test_equal_arms_differ_in_at_most_5_percent_and_the_power_is_that_of_the_plan() -> None:
    rng = np.random.default_rng(20261126)
    same = [decided(rng, (0.6, 0.6))[0] for _ in range(600)]
    wrong = sum(answer != "cannot tell" for answer in same) / 600
    assert wrong <= 0.05 + 2 * (0.05 * 0.95 / 600) ** 0.5
    better = [decided(rng, (0.6, 0.7)) for _ in range(600)]
    power = sum(answer == "better" for answer, _ in better) / 600
    assert power >= 0.8 - 2 * (0.8 * 0.2 / 600) ** 0.5
    assert np.mean([share for _, share in better]) < 0.9


def test_the_interval_of_a_planned_look_is_never_intersected_with_always_valid_ones() -> None:
    assert PLANNED is not None
    half = round(PLANNED / 2)
    now = sums(round(0.6 * half), half, round(0.75 * half), half)
    findings = find(PLAN, now)
    assert isinstance(findings[0].estimate, Estimate) and not findings[0].estimate.always_valid
    assert findings[0].answer == "better"
    memory = Memory().after(PLAN, now, findings)
    assert memory.latched[RESOLVED, "tuned"].running.looks == 0
    assert find(replace(PLAN, planned_units=None), now)[0].information is None
