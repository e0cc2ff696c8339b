"""How soon a change of scores is found, and how long it takes until one is suspected by chance."""

import numpy as np
import pytest

from fairtrial.stats.arguments import Floats
from fairtrial.stats.sequential.change_point import find_change

CALIBRATION = 7


def run_length(draw: np.random.Generator, needed: float, *, levels: int, most: int) -> int:
    """The asks after calibration until the evidence first reaches ``needed``."""

    def scores(count: int) -> Floats:
        return draw.random(count) if not levels else draw.integers(0, levels, count).astype(float)

    seen = scores(CALIBRATION)
    for asks in range(1, most):
        seen = np.append(seen, scores(1))
        found = find_change(seen, CALIBRATION)
        if found is not None and found.evidence >= needed:
            return asks
    return most


@pytest.mark.release("stories")
@pytest.mark.parametrize("levels", [0, 4], ids=["all different", "many equal"])
def test_the_mean_run_until_a_false_alarm_is_at_least_what_was_asked_for(levels: int) -> None:
    draw = np.random.default_rng(1)
    runs = [run_length(draw, 20, levels=levels, most=80) for _ in range(30)]
    assert np.mean(runs) - 2 * np.std(runs) / np.sqrt(len(runs)) >= 20


def test_equal_scores_are_never_a_change() -> None:
    found = find_change(np.zeros(60), CALIBRATION)
    assert found is not None
    assert found.evidence < 10


@pytest.mark.parametrize(("quiet", "days"), [(7, 11), (30, 5), (90, 4)])
def test_a_clear_change_is_found_within_days(quiet: int, days: int) -> None:
    draw = np.random.default_rng(2)
    for _ in range(8):
        scores = np.concatenate([draw.random(quiet), 2 + draw.random(days)])
        found = find_change(scores, CALIBRATION)
        assert found is not None
        assert found.evidence >= 4_000
        assert abs(found.start - quiet) <= 1


def test_calibration_alone_shows_nothing() -> None:
    assert find_change(np.arange(CALIBRATION, dtype=float), CALIBRATION) is None
