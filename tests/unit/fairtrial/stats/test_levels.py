"""Every method that gives an interval refuses an invalid level."""

from collections.abc import Callable
from math import nan

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.intervals import tango, wilson
from fairtrial.stats.paired.resampling import bootstrap_corpus
from fairtrial.stats.review.crossed import mean_rating
from fairtrial.stats.review.krippendorff_alpha import alpha
from fairtrial.stats.review.preference import win_rate
from fairtrial.stats.review.rating_table import RatingTable
from tests.fixtures.for_each import for_each

VALUES = np.array([0.0, 1.0, 1.0] * 8)
PAIRS = [str(i) for i in range(24)]
ANN = ["ann"] * 24
TABLE = RatingTable.of(PAIRS[:12] * 2, ["ann"] * 12 + ["bob"] * 12, [1, 2, 3, 4] * 5 + [4, 3, 2, 1])

METHODS: dict[str, Callable[[float], Estimate | NotEnough]] = {
    "wilson": lambda level: wilson(8, 24, level=level),
    "tango": lambda level: tango(3, 5, 24, level=level),
    "fixed": lambda level: fixed(Effect(0.1, 0.01, 24, "mean"), level=level),
    "bootstrap_corpus": lambda level: bootstrap_corpus(lambda some: float(some.mean()), 24, level=level),
    "win_rate": lambda level: win_rate(VALUES, PAIRS, ANN, level=level),
    "mean_rating": lambda level: mean_rating(VALUES, PAIRS, ANN, span=4, level=level),
    "alpha": lambda level: alpha(TABLE, level=level),
}


@for_each("name", METHODS)
@for_each("level", [0.0, 1.0, -0.1, 1.5, 95, nan])
def test_an_invalid_level_is_refused_by_every_interval(name: str, level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        METHODS[name](level)


@for_each("name", METHODS)
def test_a_level_that_asks_for_more_has_the_wider_interval(name: str) -> None:
    less, more = METHODS[name](0.8), METHODS[name](0.99)
    assert isinstance(less, Estimate) and isinstance(more, Estimate)
    assert more.low <= less.low <= less.value <= less.high <= more.high
    assert more.high - more.low > less.high - less.low
