"""Two-way clusters: the variance of another library, and what it can't be changed by."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, strategies as st
from scipy.stats import binom
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_ITEMS
from fairtrial.stats.review.crossed import Clusters, crossed_mean, mean_rating
from tests.fixtures.for_each import for_each

SEEDS = st.integers(0, 2**32 - 1)


def votes(seed: int, pairs: int = 40, crowd: int = 12) -> tuple[np.ndarray, list[str], list[str]]:
    rng = np.random.default_rng(seed)
    items = [str(item) for item in range(pairs) for _ in range(3)]
    people = [str(person) for _ in range(pairs) for person in rng.choice(crowd, 3, replace=False)]
    return rng.choice([0.0, 0.5, 1.0], len(items)), items, people


@pytest.mark.parametrize("seed", range(4))
def test_two_way_agrees_with_statsmodels_part_by_part(seed: int) -> None:
    """Its corrections are C/(C − 1) · (n − 1)/(n − k) with k = 1 here, so the same as ours."""
    values, items, people = votes(seed)
    fit = sm.OLS(values, np.ones(len(values))).fit()
    both, by_item, _ = cov_cluster_2groups(fit, np.array(items, dtype=int), np.array(people, dtype=int))
    groups, influence = Clusters.of(items, people), (values - values.mean()) / len(values)
    assert groups.two_way
    assert groups.variance(influence) == pytest.approx(max(both[0, 0], by_item[0, 0]), rel=1e-9)
    alone = crossed_mean(values, items, ["ann"] * len(values))
    assert alone.variance == pytest.approx(by_item[0, 0], rel=1e-9)


def test_weighted_agrees_with_weighted_least_squares_of_statsmodels() -> None:
    values, items, people = votes(9)
    weights = np.random.default_rng(1).uniform(1, 4, len(values))
    fit = sm.WLS(values, np.ones(len(values)), weights=weights).fit()
    both, by_item, _ = cov_cluster_2groups(fit, np.array(items, dtype=int), np.array(people, dtype=int))
    crossed = crossed_mean(values, items, people, weights=weights)
    assert crossed.mean == pytest.approx(fit.params[0], rel=1e-12)
    influence = weights / weights.sum() * (values - crossed.mean)
    variance = Clusters.of(items, people).variance(influence)
    assert variance == pytest.approx(max(both[0, 0], by_item[0, 0]), rel=1e-9)


def leaning(leanings: list[float], pairs: int = 40) -> tuple[np.ndarray, list[str], list[str]]:
    """Votes of people who all judge the same pairs, each of whom has this share of wins."""
    rng = np.random.default_rng(7)
    values = (rng.random((pairs, len(leanings))) < np.array(leanings)).astype(float)
    items = np.repeat(np.arange(pairs), len(leanings)).astype(str)
    return values.ravel(), list(items), list(np.tile(np.arange(len(leanings)), pairs).astype(str))


def parts(values: np.ndarray, items: list[str], people: list[str]) -> tuple[float, float, float]:
    """The variances by pair, by person and by vote, from a library."""
    fit = sm.OLS(values, np.ones(len(values))).fit()
    _, by_item, by_person = cov_cluster_2groups(fit, np.array(items, dtype=int), np.array(people, dtype=int))
    return by_item[0, 0], by_person[0, 0], float(np.var(values, ddof=1)) / len(values)


@for_each("leanings", [[0.9, 0.9, 0.1, 0.1, 0.8, 0.3], [0.6] * 6, [0.7] * 20])
def test_people_vary_by_at_least_what_is_assumed(leanings: list[float]) -> None:
    """Where they show less, the variance between them is as far above the assumed one as it seems to be below."""
    columns = leaning(leanings)
    item, person, both = parts(*columns)
    assumed, between = 0.1**2 / max(11, len(leanings)), person - both
    shown, shared = both + assumed + abs(between - assumed), max(item - both, 0.0)
    assert (shown == pytest.approx(person)) == (between > assumed)
    crossed = crossed_mean(*columns, taste=0.1)
    assert crossed.variance == pytest.approx(shown + shared, rel=1e-9)
    satterthwaite = (shown + shared) ** 2 / (shown**2 / (len(leanings) - 1) + shared**2 / 39)
    assert crossed.freedom == pytest.approx(satterthwaite, rel=1e-9)


@given(SEEDS)
def test_the_order_of_votes_and_the_names_of_pairs_and_people_are_irrelevant(seed: int) -> None:
    values, items, people = votes(seed)
    order = np.random.default_rng(seed + 1).permutation(len(values))
    plain = crossed_mean(values, items, people)
    relabelled = crossed_mean(
        values[order], [f"pair {items[i]}" for i in order], [people[i].replace("1", "one") for i in order]
    )
    assert (relabelled.mean, relabelled.variance) == pytest.approx((plain.mean, plain.variance), abs=1e-14)


@given(SEEDS)
def test_turned_around_the_mean_mirrors_and_the_variance_stays(seed: int) -> None:
    values, items, people = votes(seed)
    first, second = crossed_mean(values, items, people), crossed_mean(1 - values, items, people)
    assert (second.mean, second.variance) == pytest.approx((1 - first.mean, first.variance), abs=1e-14)


def test_columns_of_other_votes_are_refused() -> None:
    with pytest.raises(ValueError, match="same votes"):
        Clusters.of(["a", "b"], ["ann"])
    assert isinstance(crossed_mean(np.array([1.0, 0.0]), ["a", "a"], ["ann", "ben"]), NotEnough)


SPAN = 4.0
MOST_WRONG = 0.06


def lower_bound(worse: int, pairs: int) -> float:
    """The one-sided 95 % bound of the gap where so many of the pairs are a step worse and the others equal."""
    values = np.array([-1.0] * worse + [0.0] * (pairs - worse))
    rating = mean_rating(values, [str(i) for i in range(pairs)], ["ann"] * pairs, span=SPAN, level=0.90)
    assert isinstance(rating, Estimate)
    return rating.low


@for_each("pairs", [10, 15, 20, 30, 40, 60, 100, 200])
def test_a_loss_of_the_margin_passes_in_few_reviews_though_most_pairs_are_equal(pairs: int) -> None:
    bounds = [lower_bound(worse, pairs) for worse in range(pairs + 1)]
    for margin in np.arange(0.02, 0.6, 0.01):
        wrong = sum(binom.pmf(worse, pairs, margin) for worse, bound in enumerate(bounds) if bound > -margin)
        assert wrong <= MOST_WRONG, f"{wrong:.3f} of the reviews with a true loss of {margin:.2f} a pair"


def test_spread_ratings_get_the_plain_t_interval_but_for_a_little() -> None:
    values = np.random.default_rng(7).integers(-2, 3, 200).astype(float)
    rating = mean_rating(values, [str(i) for i in range(200)], ["ann"] * 200, span=SPAN, level=0.95)
    assert isinstance(rating, Estimate)
    plain = 1.9720 * values.std(ddof=1) / np.sqrt(200)
    assert plain < rating.high - rating.value < 1.02 * plain


def test_few_pairs_tell_nothing() -> None:
    names = [str(i) for i in range(MIN_ITEMS - 1)]
    assert isinstance(mean_rating(np.ones(len(names)), names, names, span=SPAN), NotEnough)
