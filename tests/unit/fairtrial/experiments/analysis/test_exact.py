"""Rare feedback is decided by its conversions, so that few events suffice and equal arms rarely differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.methods.method import is_exact
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sums import Moments
from tests.fixtures.experiments.planned import PLAN, RESOLVED

RARE = replace(PLAN, planned_units=None, metrics=(replace(PLAN.metrics[0], level=0.01, margin=0.005, source="stated"),))


def sums(yes: tuple[int, int], units: tuple[int, int], given: tuple[float, float] = (1.0, 1.0)) -> Sums:
    arms = {}
    for name, x, of, share in zip(("base", "tuned"), yes, units, given, strict=True):
        rated = round(share * of)
        arms[name] = ArmSums(of, of, {RESOLVED: Feedback(of, Moments(rated, x, x), 3600.0)})
    return Sums(1, arms)


def test_rare_feedback_that_is_to_become_better_is_exact() -> None:
    assert is_exact(RARE, RARE.metrics[0])
    for change in ({"level": 0.03}, {"level": None}, {"require": "not_worse"}, {"role": "guardrail"}):
        assert not is_exact(RARE, replace(RARE.metrics[0], **change))
    assert not is_exact(PLAN, RARE.metrics[0])  # planned looks have their own bounds


def test_twice_as_many_conversions_are_better_and_half_are_worse() -> None:
    assert find(RARE, sums((40, 90), (4_000, 4_000)))[0].answer == "better"
    assert find(RARE, sums((90, 40), (4_000, 4_000)))[0].answer == "worse"
    assert find(RARE, sums((40, 45), (4_000, 4_000)))[0].answer == "cannot tell"
    lower = replace(RARE, metrics=(replace(RARE.metrics[0], better="lower"),))
    assert find(lower, sums((90, 40), (4_000, 4_000)))[0].answer == "better"


def test_nothing_is_concluded_if_one_arm_gives_more_feedback() -> None:
    assert find(RARE, sums((40, 90), (4_000, 4_000), given=(0.5, 0.9)))[0].answer == "cannot tell"


@pytest.mark.release("simulations")
def test_equal_arms_are_distinguished_in_at_most_5_percent_of_trials_over_many_looks() -> None:
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(400):
        steps = np.cumsum(rng.binomial(200, 0.01, size=(30, 2)), axis=0)
        of = 200 * np.arange(1, 31)
        answers = (
            find(RARE, sums((int(a), int(b)), (int(n), int(n))))[0].answer for (a, b), n in zip(steps, of, strict=True)
        )
        wrong += any(answer != "cannot tell" for answer in answers)
    assert wrong / 400 <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5
    assert wrong / 400 == pytest.approx(0.02, abs=0.03)
