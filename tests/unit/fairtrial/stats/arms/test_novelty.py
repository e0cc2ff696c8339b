"""The line through the weeks is that of NumPy, and a steady effect seems to fade as often as is said."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.arms.novelty import line_ahead, seems_to_fade


@pytest.mark.parametrize("times", [2, 3, 7])
def test_the_line_is_that_of_numpy(times: int) -> None:
    rng = np.random.default_rng(times)
    value, weight = rng.normal(size=times), rng.uniform(1, 9, times)
    line = np.polynomial.Polynomial.fit(np.arange(times), value, 1, w=np.sqrt(weight))
    assert line_ahead(list(zip(value, weight, strict=True))) == pytest.approx(line(times))


def test_a_time_without_an_effect_keeps_its_place() -> None:
    assert line_ahead([(1.0, 1.0), None, (2.0, 1.0)]) == pytest.approx(2.5)
    assert line_ahead([(1.0, 1.0), (2.0, 1.0), None]) == pytest.approx(4.0)
    assert line_ahead([(1.0, 1.0), None]) is line_ahead([]) is None


@pytest.mark.parametrize("times", [2, 4, 8])
def test_a_steady_effect_seems_to_fade_at_most_as_often_as_is_said(times: int) -> None:
    rng, strength, trials = np.random.default_rng(9), 2.5, 4_000
    drawn = strength + rng.normal(size=(trials, times)) * np.sqrt(times)
    seems = np.array([week[-1] < 0 or (line_ahead([(one, 1.0) for one in week]) or 0.0) < 0 for week in drawn])
    most = seems_to_fade(strength, times)
    assert 0.6 * most < seems.mean() < most + 2 * np.sqrt(most / trials)
    assert seems_to_fade(strength, 1) == 0.0
