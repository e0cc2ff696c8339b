"""Reviewers whose tastes differ: what few replications of the bench show of wrong preferences and of power."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from benchmarks.trials.reviewers import EFFECT, normal, polarised, skewed, trial
from benchmarks.trials.trial import Measures

WORLDS = {"ordinary": (normal, 1.0), "polarised": (polarised, 2.0), "skewed": (skewed, 0.5)}


def shown(people: int, world: str, *, effect: float = 0.0, size: float | None = None, paths: int) -> Measures:
    tastes, usual = WORLDS[world]
    return trial(people, tastes, usual if size is None else size, effect=effect).simulate(
        np.random.default_rng(people), paths
    )


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("people", [3, 4, 5])
def test_an_official_gate_decides_nothing_by_few_reviewers(people: int, world: str) -> None:
    found = shown(people, world, paths=10)
    assert not found["official better"].any() and not found["official worse"].any()


@pytest.mark.release("simulations")
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("people", [6, 7, 8, 10, 12])
def test_six_reviewers_and_more_are_seldom_wrong_for_people_in_general(people: int, world: str) -> None:
    paths = 600
    found = shown(people, world, paths=paths)
    wrong = [float(found[f"official {way}"].mean()) for way in ("better", "worse")]
    assert max(wrong) <= 0.05 + 2 * sqrt(max(wrong) * (1 - max(wrong)) / paths)


@pytest.mark.release("simulations")
def test_six_reviewers_find_a_better_model_nearly_as_often_as_the_plain_method() -> None:
    found = shown(6, "ordinary", effect=EFFECT, size=0.5, paths=400)
    assert found["lost"].mean() <= 0.1 + 2 * found["lost"].std() / sqrt(400)
    assert found["official better"].mean() > 0.65
