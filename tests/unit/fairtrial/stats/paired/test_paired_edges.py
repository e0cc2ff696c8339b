"""What paired methods say where there is no case, no number, no spread or no sense: never a plausible figure."""

from math import inf, nan

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.paired.clustered import clustered_effect, sign_flip
from fairtrial.stats.paired.paired_tests import classify_interval, exact, mid_p
from fairtrial.stats.paired.resampling import bootstrap_corpus
from tests.fixtures.for_each import for_each

OF_DIFFERENCES = [clustered_effect, sign_flip]
SEEN = Estimate(0.01, -0.02, 0.04, 0.9, 50, "mean")


@for_each("method", OF_DIFFERENCES)
@for_each("lost", [nan, inf, -inf])
def test_a_difference_that_is_not_a_number_is_refused(method, lost: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        method(np.array([0.1, 0.2, lost] * 8))


@for_each("method", OF_DIFFERENCES)
@for_each("clusters", [["a"], ["a"] * 25])
def test_each_difference_has_its_cluster(method, clusters: list[str]) -> None:
    with pytest.raises(ValueError, match="one for each"):
        method(np.array([0.1, 0.2, 0.4] * 8), clusters)


def test_each_case_of_a_corpus_has_its_cluster() -> None:
    for clusters in (list("abcdefghij"), ["a"] * 21):
        with pytest.raises(ValueError, match="one for each"):
            bootstrap_corpus(lambda some: float(some.mean()), 20, clusters)


def test_nothing_but_zeros_has_no_interval_of_no_width() -> None:
    assert isinstance(bootstrap_corpus(lambda _: 0.0, 40), NotEnough)


def test_equal_values_leave_room_for_the_next_kind_of_case() -> None:
    interval = bootstrap_corpus(lambda _: 3.0, 40)
    assert isinstance(interval, Estimate)
    assert (interval.low, interval.high) == pytest.approx((3 - 3 * 0.08763, 3 + 3 * 0.08763), rel=1e-3)


def test_differences_that_cancel_up_to_rounding_are_none() -> None:
    values, clusters = np.array([0.1, 0.2, -0.3] * 5), [str(i // 3) for i in range(15)]
    assert 0.1 + 0.2 - 0.3 != 0
    assert isinstance(sign_flip(values, clusters), NotEnough)


def test_a_figure_that_is_no_number_does_not_exist() -> None:
    assert isinstance(bootstrap_corpus(lambda _: nan, 40), NotEnough)
    assert isinstance(bootstrap_corpus(lambda some: nan if some[0] else 1.0, 40), NotEnough)


@pytest.mark.parametrize("test", [exact, mid_p])
def test_fewer_flips_than_none_are_refused(test) -> None:
    with pytest.raises(ValueError, match="counts"):
        test(-1, 5)


@pytest.mark.parametrize("margin", [nan, inf, -0.1])
def test_a_margin_is_a_number(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        classify_interval(SEEN, margin=margin)
