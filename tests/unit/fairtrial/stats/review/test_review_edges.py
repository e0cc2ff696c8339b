"""What methods for votes say of a vote that is no number, of another worth, or without its pair or weight."""

from collections.abc import Callable
from math import nan

import numpy as np
import pytest

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.review.crossed import Clusters, crossed_mean, mean_rating
from fairtrial.stats.review.preference import win_rate
from fairtrial.stats.review.preference_model import Judgements, fractional_logit
from tests.fixtures.for_each import for_each

PAIRS, ANN = [str(i) for i in range(30)], ["ann"] * 30
ALONE = Clusters.of(PAIRS, ANN)
VOTES = np.array([1.0, 0.0, 0.5] * 10)
SIDES = np.array([1.0, -1.0] * 15)

Method = Callable[..., object]
OF_VOTES: list[Method] = [win_rate]


def rating(values: object, items: object, people: object, **rest: object) -> object:
    return mean_rating(values, items, people, span=4.0, **rest)


def logit(values: object, items: object, people: object, **rest: object) -> object:
    return fractional_logit(values, [SIDES], Clusters.of(items, people), **rest)


OF_COLUMNS: list[Method] = [*OF_VOTES, crossed_mean, rating, logit]


@for_each("method", OF_VOTES)
@for_each("worth", [nan, 2.0, -1.0, 0.7])
def test_a_vote_of_another_worth_is_neither_a_tie_nor_a_win(method: Method, worth: float) -> None:
    strange = np.where(VOTES == 0.5, worth, VOTES)
    with pytest.raises(ValueError, match="worth 1, 0, or one half"):
        method(strange, PAIRS, ANN)


@for_each("method", OF_COLUMNS)
def test_each_vote_has_its_pair_and_its_person(method: Method) -> None:
    with pytest.raises(ValueError, match="each vote needs one"):
        method(VOTES, PAIRS[:20] + PAIRS[:5], ["ann"] * 25)


@for_each("method", OF_COLUMNS)
@for_each("weights", [np.ones(5), np.zeros(30), np.full(30, -1.0), np.full(30, nan)])
def test_a_weight_is_a_number_above_zero(method: Method, weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"weight|finite"):
        method(VOTES, PAIRS, ANN, weights=weights)


@pytest.mark.parametrize("method", [crossed_mean, rating, logit])
def test_a_value_that_is_no_number_is_refused(method: Method) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        method(np.array([1.0, nan, 0.5] * 10), PAIRS, ANN)


def test_shares_beyond_the_possible_and_short_columns_have_no_log_odds() -> None:
    with pytest.raises(ValueError, match="worth 0 to 1"):
        fractional_logit(2 * VOTES, [SIDES], ALONE)
    with pytest.raises(ValueError, match="one entry in each column"):
        fractional_logit(VOTES, [SIDES[:4]], ALONE)
    with pytest.raises(ValueError, match="finite"):
        fractional_logit(VOTES, [np.full(30, nan)], ALONE)


def test_one_pair_shows_no_log_odds() -> None:
    fit = fractional_logit(VOTES, [SIDES], Clusters.of(["a"] * 30, ANN))
    assert isinstance(fit, NotEnough) and "one judged pair" in fit.reason


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_whether_values_spread_does_not_hang_on_their_unit(size: float) -> None:
    spread, equal = (crossed_mean(size * values, PAIRS, ANN) for values in (VOTES, np.full(30, 0.1)))
    assert not isinstance(spread, NotEnough) and spread.spreads
    assert not isinstance(equal, NotEnough) and not equal.spreads


def test_lengths_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        Judgements(VOTES, PAIRS, ANN, SIDES > 0, np.full(30, nan))
