"""The fractional logit: published coefficients, two other libraries, a closed form, and when there is no answer."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, strategies as st
from sklearn.linear_model import LogisticRegression
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.review.crossed import Clusters
from fairtrial.stats.review.preference_model import fractional_logit, p_of


def drawn(seed: int, pairs: int = 80, per_pair: int = 1, crowd: int = 2):
    """Votes with ties, two causes, and the pair and person of each; two people are no clusters."""
    rng = np.random.default_rng(seed)
    n = pairs * per_pair
    causes = [rng.choice([-1.0, 1.0], n), np.tanh(rng.normal(size=n))]
    chance = 1 / (1 + np.exp(-(0.3 + 0.5 * causes[0] - 0.7 * causes[1])))
    values = np.where(rng.random(n) < 0.2, 0.5, (rng.random(n) < chance).astype(float))
    items = [str(i // per_pair) for i in range(n)]
    return values, causes, items, [str(integer) for integer in rng.integers(0, crowd, n)]


def alone(values: np.ndarray, causes: list[np.ndarray]):
    return fractional_logit(values, causes, Clusters.of([str(i) for i in range(len(values))], ["ann"] * len(values)))


def test_the_published_coefficients_of_a_known_example() -> None:
    """Spector & Mazzeo (1980), J. Econ. Education 11:37-44, 32 students; the logit as in Greene, Econometric Analysis.

    GPA and the test's score are centred, which leaves their coefficients alone.
    """
    data = sm.datasets.spector.load_pandas()
    gpa, score, psi = (data.exog[name].to_numpy() for name in ("GPA", "TUCE", "PSI"))
    coefficients = alone(data.endog.to_numpy(), [gpa - 3, score - 20, psi])
    assert [round(coefficient.value, 3) for coefficient in coefficients[1:]] == [2.826, 0.095, 2.379]


@pytest.mark.parametrize(("seed", "per_pair"), [(0, 1), (1, 2), (2, 3)])
def test_it_is_the_binomial_model_of_statsmodels_with_clusters(seed: int, per_pair: int) -> None:
    values, causes, items, people = drawn(seed, per_pair=per_pair)
    result = fractional_logit(values, causes, Clusters.of(items, people))
    n, clusters = len(values), np.array(items, dtype=int)
    model = sm.GLM(values, sm.add_constant(np.column_stack(causes)), family=sm.families.Binomial())
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": clusters}, tol=1e-12)
    theirs = (n - 1) / (n - 3)  # a factor that they have beside C/(C − 1)
    for coefficient, value, error in zip(result, fit.params, fit.bse, strict=True):
        assert coefficient.value == pytest.approx(value, abs=1e-8)
        assert coefficient.variance * theirs == pytest.approx(error**2, rel=1e-6)
        assert coefficient.freedom == len(set(items)) - 1


def test_two_ways_are_those_of_statsmodels() -> None:
    values, causes, items, people = drawn(5, per_pair=3, crowd=14)
    fit = fractional_logit(values, causes, Clusters.of(items, people))
    model = sm.GLM(values, sm.add_constant(np.column_stack(causes)), family=sm.families.Binomial())
    groups = np.array(items, dtype=int), np.array(people, dtype=int)
    both, by_item, _ = cov_cluster_2groups(model.fit(tol=1e-12), *groups)
    theirs, votes = (len(values) - 1) / (len(values) - 3), np.bincount(groups[1])
    for k, coefficient in enumerate(fit):
        assert coefficient.variance * theirs == pytest.approx(max(both[k, k], by_item[k, k]), rel=1e-6)
        assert "pair and reviewer" in coefficient.method and coefficient.freedom == pytest.approx(
            votes.sum() ** 2 / (votes @ votes) - 1
        )


def test_it_is_the_unpenalised_logistic_regression_of_scikit_learn() -> None:
    """A tie is there half a vote for either; weights are its sample weights."""
    values, causes, items, people = drawn(7, pairs=120)
    weights = np.random.default_rng(3).uniform(1, 3, len(values))
    design = np.column_stack(causes)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    halves = np.concatenate([values * weights, (1 - values) * weights])
    model.fit(np.vstack([design, design]), np.repeat([1, 0], len(values)), sample_weight=halves)
    fit = fractional_logit(values, causes, Clusters.of(items, people), weights=weights)
    assert [coefficient.value for coefficient in fit] == pytest.approx([*model.intercept_, *model.coef_[0]], abs=1e-5)


@given(*[st.integers(1, 60)] * 4)
def test_two_by_two_votes_are_solved_by_their_log_odds(won: int, lost: int, won_right: int, lost_right: int) -> None:
    """θ and d are half the sum and half the difference of the log odds; their variance is Woolf's (1955), over four."""
    counts = (won, lost, won_right, lost_right)
    values, side = np.repeat([1.0, 0.0, 1.0, 0.0], counts), np.repeat([1.0, 1.0, -1.0, -1.0], counts)
    level, slope = alone(values, [side])
    left, right = log(won / lost), log(won_right / lost_right)
    assert level.value == pytest.approx((left + right) / 2, abs=1e-8)
    assert slope.value == pytest.approx((left - right) / 2, abs=1e-8)
    n = sum(counts)
    woolf = sum(1 / count for count in counts) / 4 * n / (n - 1)
    assert (level.variance, slope.variance) == pytest.approx((woolf, woolf), rel=1e-6)
    assert p_of(slope) == pytest.approx(1.0) or left != right


def test_votes_that_a_cause_separates_have_no_coefficient() -> None:
    side = np.repeat([1.0, -1.0], 20)
    complete = alone(np.repeat([1.0, 0.0], 20), [side])
    partly = alone(np.array([1.0] * 20 + [1.0] * 10 + [0.0] * 10), [side])
    assert isinstance(complete, NotEnough) and "separated" in complete.reason
    assert isinstance(partly, NotEnough) and "separated" in partly.reason
    assert isinstance(alone(np.ones(40), [side]), NotEnough)


def test_causes_that_votes_can_not_tell_apart_have_no_coefficient() -> None:
    values, causes, *_ = drawn(1)
    assert isinstance(alone(values, [np.ones(80)]), NotEnough)
    assert isinstance(alone(values, [causes[0], -causes[0]]), NotEnough)
    assert isinstance(alone(np.array([]), [np.array([])]), NotEnough)


def test_ties_alone_show_no_spread_rather_than_certainty() -> None:
    coefficients = alone(np.full(40, 0.5), [np.repeat([1.0, -1.0], 20)])
    assert isinstance(coefficients, NotEnough) and "no spread" in coefficients.reason
