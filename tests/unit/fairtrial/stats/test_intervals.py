"""Exact intervals agree with statsmodels, and the true-positive rate is that at the wanted false-positive rate."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import clopper_pearson, tpr_at_fpr
from tests.fixtures.for_each import for_each


@for_each(("successes", "n"), [(0, 10), (1, 100), (9, 10), (10, 10), (37, 120)])
@for_each("level", [0.9, 0.95])
def test_the_exact_interval_is_that_of_statsmodels(successes: int, n: int, level: float) -> None:
    found = clopper_pearson(successes, n, level=level)
    low, high = proportion_confint(successes, n, alpha=1 - level, method="beta")
    assert isinstance(found, Estimate)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_the_exact_interval_covers_at_least_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    for share in (0.02, 0.3, 0.95):
        drawn = [clopper_pearson(int(one), 40) for one in random.binomial(40, share, 1000)]
        covered = [one.low <= share <= one.high for one in drawn if isinstance(one, Estimate)]
        assert sum(covered) / 1000 >= 0.95


def test_the_threshold_is_exceeded_by_at_most_one_percent_of_the_controls() -> None:
    controls = np.arange(200) / 200
    found = tpr_at_fpr(np.array([0.5, 0.991, 1.2]), controls)
    assert not isinstance(found, NotEnough)
    assert found.fpr.value == 0.01 and found.threshold == 0.985
    assert found.tpr.value == pytest.approx(2 / 3)
    assert found.detected and not tpr_at_fpr(np.array([0.5, 0.991]), controls).detected


def test_equal_scores_of_controls_count_as_one_threshold() -> None:
    found = tpr_at_fpr(np.ones(30), np.array([0.0] * 95 + [1.0] * 5))
    assert not isinstance(found, NotEnough)
    assert found.threshold == 1.0 and found.tpr.value == 0 and found.fpr.value == 0


def test_too_few_controls_or_no_member_are_not_enough() -> None:
    assert isinstance(tpr_at_fpr(np.ones(5), np.zeros(99)), NotEnough)
    assert isinstance(tpr_at_fpr(np.ones(0), np.zeros(100)), NotEnough)
    assert isinstance(clopper_pearson(0, 0), NotEnough)
    with pytest.raises(ValueError, match="can't be among"):
        clopper_pearson(3, 2)
