"""The win rate on other scales: a published table, and what both scales must have in common."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.review.preference_scales import elo_gap, net_preference
from tests.fixtures.for_each import for_each

RATES = st.tuples(*[st.floats(0.01, 0.99)] * 3).map(sorted)


def rate(value: float, low: float = 0.0, high: float = 1.0) -> Estimate:
    return Estimate(value, low, high, 0.9, 100, "win rate")


@for_each(
    ("points", "expected"),
    [(0, 50), (50, 57), (100, 64), (150, 70), (200, 76), (250, 81), (300, 85), (350, 88), (400, 91), (450, 93)],
)
def test_the_points_of_the_usual_table_give_its_percentages(points: int, expected: int) -> None:
    """The table of differences and win rates by R. Hayward, University of Alberta: "50 .57 100 .64 … 450 .93"."""
    below, above = elo_gap(rate((expected - 0.5) / 100)), elo_gap(rate((expected + 0.5) / 100))
    assert below.value - 1 < points < above.value + 1


def test_a_win_rate_of_six_in_ten_is_seventy_points() -> None:
    """The worked example there: 400 log10(1/.6 − 1) ≈ 70.4 in size."""
    assert elo_gap(rate(0.6, 0.5, 0.7)).value == pytest.approx(70.4, abs=0.05)
    assert elo_gap(rate(10 / 11, 0.5, 0.95)).value == pytest.approx(400)
    assert elo_gap(rate(0.6, 0.5, 0.7)).low == 0


@given(RATES)
def test_both_scales_mirror_when_the_models_are_swapped_and_keep_the_order(rates: list[float]) -> None:
    low, value, high = rates
    for scale in (elo_gap, net_preference):
        one, other = scale(rate(value, low, high)), scale(rate(1 - value, 1 - high, 1 - low))
        assert (other.value, other.low, other.high) == pytest.approx((-one.value, -one.high, -one.low), abs=1e-9)
        assert one.low <= one.value <= one.high


def test_net_preference_is_the_share_won_less_the_share_lost() -> None:
    won, lost, n = 12, 6, 24
    assert net_preference(rate((won + (n - won - lost) / 2) / n)).value == pytest.approx((won - lost) / n)


def test_votes_that_all_go_one_way_have_no_gap_and_an_open_bound_is_open() -> None:
    assert isinstance(elo_gap(rate(1.0, 0.9, 1.0)), NotEnough)
    assert isinstance(elo_gap(rate(0.0, 0.0, 0.1)), NotEnough)
    assert (elo_gap(rate(0.5, 0.0, 1.0)).low, elo_gap(rate(0.5, 0.0, 1.0)).high) == (-inf, inf)
    nothing = NotEnough("no vote", "votes")
    assert elo_gap(nothing) is nothing and net_preference(nothing) is nothing
