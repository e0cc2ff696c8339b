"""The trials of sources name whose claim answers, and the planner knows how many of them decide."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sources import WORLDS, World, frozen, planned, trial


def ends(world: World) -> tuple[str, frozenset[str]]:
    return trial(world, frozen(world), np.random.default_rng(7))


def test_a_scorer_that_gains_answers_and_users_are_not_named() -> None:
    world = WORLDS["scorer 10 points better, users equal"]
    assert ends(world) == ("better", frozenset({"shadow"}))
    assert planned(world) == pytest.approx(0.88, abs=0.01)


def test_a_biased_scorer_is_contradicted_by_users() -> None:
    (name,) = (name for name in WORLDS if name.startswith("biased"))
    assert ends(WORLDS[name]) == ("contradiction", frozenset({"shadow"}))
