"""The epoch at which validation loss turned is found, and noise is not taken for a turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from evaluators.training_data.read_log import read_log
from evaluators.training_data.training_log import Evaluation, TrainingLog, TurningPoint, turning_point
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

EXAMPLES = ROOT / "examples" / "support" / "training"
TRIALS = 400


def turn(losses: Sequence[float]) -> TurningPoint:
    found = tuple(Evaluation(float(at), float(loss), float(at)) for at, loss in enumerate(losses, 1))
    return turning_point(TrainingLog("log", "JSON lines", (), found))


def test_the_overfitted_log_turned_at_epoch_12() -> None:
    found = turning_point(read_log(EXAMPLES / "log-overfit.json"))
    assert found.course == "turned" and found.at is not None and found.at.epoch == pytest.approx(12)
    assert found.in_words == ("Validation loss turned at epoch 12: it later lies 13 % higher, which is overfitting.")


@pytest.mark.parametrize("name", ["good", "v2", "wrongpattern"])
def test_the_other_logs_are_still_falling(name: str) -> None:
    found = turning_point(read_log(EXAMPLES / f"log-{name}.json"))
    assert found.in_words == "Validation loss is still falling at the end (epoch 3)."


@for_each(
    ("losses", "course"),
    [
        ([], "not recorded"),
        ([1.0, 0.9], "too short"),
        ([1.0, 0.9, 0.8], "still falling"),
        ([1.0, 0.8, 0.9], "levelled off"),
        ([1.30, 1.28, 1.29, 1.36, 1.45, 1.55, 1.66], "turned"),
        ([1.0, 0.8, 0.81, 0.8, 0.82, 0.81], "levelled off"),
        ([1.0, 0.5, 0.9, 0.5, 0.9, 0.51], "levelled off"),
    ],
)
def test_courses_have_names(losses: Sequence[float], course: str) -> None:
    assert turn(losses).course == course
    assert turn(losses).in_words.endswith((".", "(3 or more)."))


def flat(n: int) -> np.ndarray:
    return np.ones(n)


def falling(n: int) -> np.ndarray:
    return 0.6 + 0.6 * np.exp(-4 * np.arange(n) / n)


def saturating(n: int) -> np.ndarray:
    return 0.9 + 0.5 * np.exp(-12 * np.arange(n) / n)


@for_each("curve", [flat, falling, saturating])
@for_each("noise", [0.01, 0.03])
@for_each("n", [4, 7, 12, 40])
def test_noise_of_three_percent_is_hardly_ever_a_turn(curve: Callable[[int], np.ndarray], noise: float, n: int) -> None:
    random = np.random.default_rng(n)
    turned = sum(turn(curve(n) * (1 + noise * random.normal(size=n))).course == "turned" for _ in range(TRIALS))
    assert turned / TRIALS <= 0.02


@pytest.mark.parametrize("n", [7, 12, 40])
def test_a_clear_rise_is_nearly_always_found_at_about_its_place(n: int) -> None:
    random = np.random.default_rng(n)
    at = np.arange(n) / n
    curve = 1 + np.where(at < 0.4, 1.25 * (0.4 - at), (at - 0.4) / 1.5)
    found = [turn(curve * (1 + 0.02 * random.normal(size=n))) for _ in range(TRIALS)]
    turned = [one for one in found if one.course == "turned"]
    assert len(turned) >= 0.85 * TRIALS
    places = [(one.at.step - 1) / n for one in turned if one.at is not None]
    assert abs(np.median(places) - 0.4) <= 0.12


def test_a_large_rise_in_too_few_evaluations_says_that_more_are_needed() -> None:
    found = turn([1.20, 0.81, 0.95, 1.12, 1.31])
    assert found.course == "levelled off"
    assert found.in_words.endswith("It later lies 38 % higher, but too few evaluations tell this from noise.")
