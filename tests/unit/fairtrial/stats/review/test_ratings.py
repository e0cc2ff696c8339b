"""The interval of a mean rating: what it must not let pass, counted out rather than simulated."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.review.ratings import MIN_ITEMS, mean_rating
from tests.fixtures.for_each import for_each

SPAN = 4.0
MOST_WRONG = 0.06


def lower_bound(worse: int, pairs: int) -> float:
    """The one-sided 95 % bound of the gap where so many of the pairs are a step worse and the others equal."""
    values = np.array([-1.0] * worse + [0.0] * (pairs - worse))
    found = mean_rating(values, [str(i) for i in range(pairs)], ["ann"] * pairs, span=SPAN, level=0.90)
    assert isinstance(found, Estimate)
    return found.low


@for_each("pairs", [10, 15, 20, 30, 40, 60, 100, 200])
def test_a_loss_of_the_margin_passes_in_few_reviews_though_most_pairs_are_equal(pairs: int) -> None:
    bounds = [lower_bound(worse, pairs) for worse in range(pairs + 1)]
    for margin in np.arange(0.02, 0.6, 0.01):
        wrong = sum(binom.pmf(worse, pairs, margin) for worse, bound in enumerate(bounds) if bound > -margin)
        assert wrong <= MOST_WRONG, f"{wrong:.3f} of the reviews with a true loss of {margin:.2f} a pair"


def test_spread_ratings_get_the_plain_t_interval_but_for_a_little() -> None:
    values = np.random.default_rng(7).integers(-2, 3, 200).astype(float)
    found = mean_rating(values, [str(i) for i in range(200)], ["ann"] * 200, span=SPAN, level=0.95)
    assert isinstance(found, Estimate)
    plain = 1.9720 * values.std(ddof=1) / np.sqrt(200)
    assert plain < found.high - found.value < 1.02 * plain


def test_few_pairs_tell_nothing() -> None:
    names = [str(i) for i in range(MIN_ITEMS - 1)]
    assert isinstance(mean_rating(np.ones(len(names)), names, names, span=SPAN), NotEnough)
