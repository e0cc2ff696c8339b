"""The win rate of blind votes: golden numbers, the edges, and how often its bounds are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multinomial

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import wilson
from fairtrial.stats.paired.clustered import clustered_effect
from fairtrial.stats.review.crossed import crossed_mean, mean_rating
from fairtrial.stats.review.preference import (
    count_wins,
    least_significant_rate,
    win_rate,
    with_equal_pairs,
)
from tests.fixtures.for_each import for_each


def alone(values: list[float], level: float = 0.90) -> Estimate | NotEnough:
    items = [str(i) for i in range(len(values))]
    return win_rate(np.array(values), items, ["ann"] * len(values), level=level)


def test_ties_count_half_and_the_sign_test_leaves_them_out() -> None:
    values = [1.0] * 12 + [0.0] * 6 + [0.5] * 6
    share_won = alone(values)
    assert (round(share_won.value, 9), share_won.n, count_wins(np.array(values))) == (0.625, 24, (12, 6))
    # s²/V = 23 votes, of which 11.5 and 5.75 for either; t(23) = 1.7139
    assert (round(share_won.low, 4), round(share_won.high, 4)) == (0.4700, 0.7560)


def test_one_vote_each_and_no_tie_is_wilson_at_the_effective_size() -> None:
    many = alone([1.0] * 600 + [0.0] * 400)
    plain = wilson(600, 1000, level=0.90)
    assert many.low == pytest.approx(plain.low, abs=2e-4)
    assert many.high == pytest.approx(plain.high, abs=2e-4)


def test_the_variance_is_the_clustered_one_of_the_other_estimates() -> None:
    rng = np.random.default_rng(3)
    values = rng.choice([0.0, 0.5, 1.0], 60)
    items = [str(i // 2) for i in range(60)]
    crossed = crossed_mean(values, items, ["ann"] * 60)
    known = clustered_effect(values, items)
    assert (crossed.mean, crossed.variance) == pytest.approx((known.value, known.variance))


def test_people_are_clusters_too_once_there_are_ten() -> None:
    """Each of twelve people always votes the same way: only the two-way variance sees it."""
    values = np.array([float(person % 2) for _ in range(50) for person in range(12)])
    items = [str(item) for item in range(50) for _ in range(12)]
    people = [str(person) for _ in range(50) for person in range(12)]
    by_item = crossed_mean(values, items, ["ann"] * len(values))
    two_way = crossed_mean(values, items, people)
    assert (by_item.two_way, two_way.two_way) == (False, True)
    assert two_way.variance > 0.02 > by_item.variance
    assert two_way.freedom == 11


def test_a_pair_that_was_drawn_with_a_smaller_chance_weighs_more() -> None:
    values = np.array([1.0] * 10 + [0.0] * 10)
    items = [str(i) for i in range(20)]
    share_won = win_rate(values, items, ["ann"] * 20, weights=np.array([3.0] * 10 + [1.0] * 10))
    assert share_won.value == pytest.approx(0.75)
    assert "1/π" in share_won.method


def test_votes_that_are_all_equal_are_not_certainty() -> None:
    won, tied, lost = alone([1.0] * 20), alone([0.5] * 20), alone([0.0] * 20)
    assert (won.value, won.high) == (1.0, 1.0) and 0.87 < won.low < 0.89
    assert tied.low == pytest.approx(0.5 - 0.5 * 2.7055 / 22.7055, abs=1e-4)
    assert (lost.low, lost.high) == (0.0, pytest.approx(1 - won.low))


def test_two_people_who_disagree_on_every_pair_are_not_certainty() -> None:
    values, items = np.array([1.0, 0.0] * 20), [str(i // 2) for i in range(40)]
    people = ["ann", "ben"] * 20
    share_won = win_rate(values, items, people)
    assert share_won.value == pytest.approx(0.5) and share_won.low < 0.35 and share_won.high > 0.65
    marks = mean_rating(4 * values + 1, items, people, span=4.0)
    assert marks.value == pytest.approx(3.0) and marks.low < 2.5


def test_few_pairs_are_not_enough_however_many_people_judged_them() -> None:
    values = np.ones(27)
    share_won = win_rate(values, [str(i % 9) for i in range(27)], [str(i // 9) for i in range(27)])
    assert isinstance(share_won, NotEnough) and share_won.needed == "1 more judged pairs"
    assert isinstance(win_rate(np.array([]), [], []), NotEnough)


@for_each("pairs", [10, 20, 50, 200])
@for_each(("won", "tied"), [(0.5, 0.0), (0.35, 0.3), (0.1, 0.8), (0.7, 0.1)])
def test_each_one_sided_bound_is_wrong_about_one_time_in_twenty(pairs: int, won: float, tied: float) -> None:
    rng = np.random.default_rng(pairs)
    true, reps, low, high = won + tied / 2, 1200, 0, 0
    drawn = rng.multinomial(pairs, [won, tied, 1 - won - tied], reps)
    for (wins, ties, losses), times in zip(*np.unique(drawn, axis=0, return_counts=True), strict=True):
        share_won = alone([1.0] * wins + [0.5] * ties + [0.0] * losses)
        low += times * (share_won.low > true)
        high += times * (share_won.high < true)
    assert max(low, high) / reps < 0.08


@for_each("pairs", [10, 15, 30, 40])
@for_each("below", [0.0, 0.05])
def test_a_bound_is_no_more_often_wrong_where_nearly_all_votes_are_ties(pairs: int, below: float) -> None:
    """The exact chance, over all that can be voted, to find the true win rate ½ − ``below`` under the bound."""
    counts = [(won, lost) for won in range(pairs + 1) for lost in range(pairs + 1 - won)]
    result = [alone([1.0] * won + [0.0] * lost + [0.5] * (pairs - won - lost)).low for won, lost in counts]
    wrong = [count for count, low in zip(counts, result, strict=True) if low > 0.5 - below + 1e-12]
    for won in (0.0, 0.01, 0.03, 0.06, 0.1, 0.2):
        votes = multinomial(pairs, [won, won + 2 * below, 1 - 2 * won - 2 * below])
        assert sum(votes.pmf([w, lost, pairs - w - lost]) for w, lost in wrong) < 0.06


def test_the_bound_holds_where_two_people_judge_half_of_the_pairs_and_mostly_agree() -> None:
    rng = np.random.default_rng(11)
    low, reps = 0, 800
    for _ in range(reps):
        values, items, people = [], [], []
        for item in range(40):
            first = rng.random() < 0.5
            votes = [first, first if rng.random() < 0.8 else rng.random() < 0.5][: 1 + item % 2]
            values += [float(vote) for vote in votes]
            items += [str(item)] * len(votes)
            people += ["ann", "ben"][: len(votes)]
        low += win_rate(np.array(values), items, people).low > 0.5
    assert low / reps < 0.075


@pytest.mark.parametrize("pairs", [10, 20, 60, 400])
def test_what_a_queue_can_show_is_what_its_interval_then_shows(pairs: int) -> None:
    needed = least_significant_rate(pairs)
    wins = int(needed * pairs) + 1
    assert alone([1.0] * wins + [0.0] * (pairs - wins)).low > 0.5
    fewer = wins - 2
    assert alone([1.0] * fewer + [0.0] * (pairs - fewer)).low < 0.5
    assert least_significant_rate(9) is None


def test_equal_pairs_are_worth_the_same_as_pairs_that_one_person_calls_ties() -> None:
    for won, lost, ties, equal in ((24, 12, 4, 20), (20, 0, 0, 20), (30, 30, 0, 5), (12, 3, 0, 200)):
        values = [1.0] * won + [0.0] * lost + [0.5] * ties
        judged, asked = alone(values), alone(values + [0.5] * equal)
        assert isinstance(judged, Estimate) and isinstance(asked, Estimate)
        mixed = with_equal_pairs(judged, equal / (len(values) + equal), len(values) + equal)
        assert mixed.value == pytest.approx(asked.value) and mixed.n == len(values)
        assert (mixed.low, mixed.high) == pytest.approx((asked.low, asked.high), abs=0.024)


def test_without_equal_pairs_the_win_rate_is_unchanged() -> None:
    rate = alone([1.0] * 12 + [0.0] * 6)
    assert isinstance(rate, Estimate) and with_equal_pairs(rate, 0.0, 18) is rate


def test_the_bounds_with_equal_pairs_err_in_about_one_review_of_twenty() -> None:
    """Models that differ by 5 points, half of whose answers are equal, at the margin of *not worse by 5pp*."""
    rng, wrong, reviews = np.random.default_rng(7), 0, 600
    for _ in range(reviews):
        equal = int(rng.binomial(80, 0.5))
        rate = alone(list((rng.random(80 - equal) < 0.4).astype(float)))
        assert isinstance(rate, Estimate)
        wrong += with_equal_pairs(rate, equal / 80, 80).low > 0.45
    assert wrong / reviews <= 0.05 + 2 * (0.05 * 0.95 / reviews) ** 0.5
