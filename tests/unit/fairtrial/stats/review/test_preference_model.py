"""Win rates without the pull of place and length: another library, a closed form, bias, and what can't be told."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings, strategies as st
from scipy.stats import t as student

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_MODEL_ITEMS
from fairtrial.stats.review.preference import win_rate
from fairtrial.stats.review.preference_model import Judgements, preference_model

SEEDS = st.integers(0, 2**32 - 1)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def drawn(
    seed: int, pairs: int = 80, *, theta: float = 0.3, d: float = 0.0, phi: float = 0.0, left: float = 0.5
) -> Judgements:
    """One vote a pair, a fifth of them ties whose mean keeps the model."""
    rng = np.random.default_rng(seed)
    first, longer = rng.random(pairs) < left, rng.normal(40, 200, pairs)
    chance = 1 / (1 + np.exp(-(theta + d * np.where(first, 1, -1) + phi * np.tanh(longer / longer.std(ddof=1)))))
    item, second = (rng.random((2, pairs)) < chance).astype(float)
    values = np.where(rng.random(pairs) < 0.3, (item + second) / 2, item)
    return Judgements(values, [str(i) for i in range(pairs)], ["ann"] * pairs, first, longer)


def four(won: int, lost: int, won_right: int, lost_right: int) -> Judgements:
    """Votes by side and by who was preferred."""
    counts = (won, lost, won_right, lost_right)
    n = sum(counts)
    values, first = np.repeat([1.0, 0.0, 1.0, 0.0], counts), np.repeat([True, True, False, False], counts)
    return Judgements(values, [str(i) for i in range(n)], ["ann"] * n, first)


def test_without_lengths_it_is_solved_by_the_log_odds_of_either_side() -> None:
    """30 of 40 on the left and 20 of 40 on the right: log odds 1.0986 and 0, of which θ and d are half each."""
    adjusted = preference_model(four(30, 10, 20, 20))
    assert adjusted.position.value == pytest.approx(log(3) / 2)
    assert adjusted.position_adjusted.value == pytest.approx(sigmoid(log(3) / 2))
    error = np.sqrt((1 / 30 + 1 / 10 + 1 / 20 + 1 / 20) / 4 * 80 / 79)
    half = student.ppf(0.95, 79) * error
    assert adjusted.position_adjusted.low == pytest.approx(sigmoid(log(3) / 2 - half))
    assert adjusted.position_adjusted.high == pytest.approx(sigmoid(log(3) / 2 + half))
    assert adjusted.position_p == pytest.approx(2 * student.sf(log(3) / 2 / error, 79))
    assert isinstance(adjusted.length_adjusted, NotEnough) and adjusted.length_p is None


@pytest.mark.parametrize("seed", range(3))
def test_the_length_adjusted_rate_is_that_of_a_binomial_model_with_robust_errors(seed: int) -> None:
    votes = drawn(seed, d=0.4, phi=0.8)
    assert votes.longer is not None
    sd = votes.longer.std(ddof=1)
    design = np.column_stack([np.ones(80), np.where(votes.candidate_first, 1, -1), np.tanh(votes.longer / sd)])
    fit = sm.GLM(votes.values, design, family=sm.families.Binomial()).fit(cov_type="HC0", tol=1e-12)
    half = student.ppf(0.95, 79) * fit.bse * np.sqrt(80 / 79)
    adjusted = preference_model(votes)
    assert adjusted.length_adjusted.value == pytest.approx(sigmoid(fit.params[0]), abs=1e-8)
    assert adjusted.length_adjusted.low == pytest.approx(sigmoid(fit.params[0] - half[0]), abs=1e-6)
    assert adjusted.length.value == pytest.approx(fit.params[2], abs=1e-8)
    assert (adjusted.length.low, adjusted.length.high) == pytest.approx(
        (fit.params[2] - half[2], fit.params[2] + half[2]), abs=1e-6
    )


def test_the_raw_rate_stands_beside_the_adjusted_ones() -> None:
    votes = drawn(3)
    weights = np.random.default_rng(4).uniform(1, 3, 80)
    rate = win_rate(votes.values, votes.items, votes.people, weights=weights)
    adjusted = preference_model(replace(votes, weights=weights))
    assert adjusted.raw == rate
    assert isinstance(adjusted.position_adjusted, Estimate) and isinstance(adjusted.length_adjusted, Estimate)


def test_a_pull_to_the_left_biases_the_raw_rate_on_unequal_sides_and_the_adjusted_one_covers() -> None:
    """d = 0.5 with the candidate on the left of 80 % of the pairs; equal models, so the true rate is one half."""
    reviews = [preference_model(drawn(seed, 120, theta=0.0, d=0.5, left=0.8)) for seed in range(400)]
    missed = [not review.raw.low <= 0.5 <= review.raw.high for review in reviews]
    adjusted = [not review.position_adjusted.low <= 0.5 <= review.position_adjusted.high for review in reviews]
    assert np.mean([review.raw.value for review in reviews]) > 0.56
    assert np.mean(missed) > 0.3
    assert np.mean(adjusted) < 0.14
    assert np.mean([review.position.value for review in reviews]) == pytest.approx(0.5, abs=0.05)


def test_a_liking_for_length_biases_the_raw_rate_and_the_length_adjusted_one_covers() -> None:
    """The candidate says more in nearly every pair."""
    rng = np.random.default_rng(8)
    raw, adjusted = 0, 0
    for _ in range(300):
        longer, first = rng.normal(100, 100, 150), rng.random(150) < 0.5
        chance = 1 / (1 + np.exp(-1.0 * np.tanh(longer / longer.std(ddof=1))))
        values, names = (rng.random(150) < chance).astype(float), [str(i) for i in range(150)]
        model = preference_model(Judgements(values, names, ["ann"] * 150, first, longer))
        raw += not model.raw.low <= 0.5 <= model.raw.high
        adjusted += not model.length_adjusted.low <= 0.5 <= model.length_adjusted.high
    assert raw / 300 > 0.9
    assert adjusted / 300 < 0.14


@pytest.mark.release("simulations")
@pytest.mark.parametrize(("pairs", "theta"), [(30, 0.0), (30, 1.0), (60, 1.0), (150, 0.0)])
def test_the_alarm_is_raised_by_chance_in_at_most_about_one_of_a_hundred_reviews(pairs: int, theta: float) -> None:
    alarms = [preference_model(drawn(seed, pairs, theta=theta)).position_biased for seed in range(600)]
    assert np.mean(alarms) < 0.02


def test_the_alarm_needs_a_pull_that_is_large_and_sure() -> None:
    assert preference_model(four(34, 6, 14, 26)).position_biased
    assert not preference_model(four(24, 16, 18, 22)).position_biased
    sure = preference_model(four(5800, 4200, 5000, 5000))
    assert sure.position_p < 0.01 and sure.position.value < 0.2 and not sure.position_biased


@settings(max_examples=40)
@given(SEEDS)
def test_swapping_candidate_and_baseline_mirrors_the_rates_and_leaves_the_pulls(seed: int) -> None:
    votes = drawn(seed, 60, d=0.3, phi=0.4)
    assert votes.longer is not None
    swapped = replace(votes, values=1 - votes.values, candidate_first=~votes.candidate_first, longer=-votes.longer)
    first, second = preference_model(votes), preference_model(swapped)
    for name in ("raw", "position_adjusted", "length_adjusted"):
        mine, theirs = getattr(first, name), getattr(second, name)
        mirrored = (1 - mine.value, 1 - mine.high, 1 - mine.low)
        assert (theirs.value, theirs.low, theirs.high) == pytest.approx(mirrored, abs=1e-8)
    for name in ("position", "length"):
        mine, theirs = getattr(first, name), getattr(second, name)
        assert (theirs.value, theirs.low) == pytest.approx((mine.value, mine.low), abs=1e-8)
    assert first.position_p == pytest.approx(second.position_p, abs=1e-8)


@settings(max_examples=40)
@given(SEEDS)
def test_the_order_of_votes_and_the_unit_of_length_are_irrelevant(seed: int) -> None:
    votes = drawn(seed, 60)
    assert votes.longer is not None
    order = np.random.default_rng(seed).permutation(60)
    mixed = Judgements(
        votes.values[order],
        [votes.items[i] for i in order],
        votes.people,
        votes.candidate_first[order],
        votes.longer[order] / 7,
    )
    first, second = preference_model(votes), preference_model(mixed)
    for name in ("raw", "position_adjusted", "length_adjusted", "position", "length"):
        mine, theirs = getattr(first, name), getattr(second, name)
        assert (mine.value, mine.low, mine.high) == pytest.approx((theirs.value, theirs.low, theirs.high), abs=1e-8)


@settings(max_examples=40)
@given(SEEDS, st.floats(0.5, 0.98))
def test_more_votes_of_the_same_kind_narrow_all_and_a_higher_level_widens_them(seed: int, level: float) -> None:
    votes = drawn(seed, 60)
    assert votes.longer is not None
    twice = Judgements(
        np.tile(votes.values, 2),
        [str(i) for i in range(120)],
        ["ann"] * 120,
        np.tile(votes.candidate_first, 2),
        np.tile(votes.longer, 2),
    )
    first, many = preference_model(votes, level=level), preference_model(twice, level=level)
    surer = preference_model(votes, level=level + 0.01)
    for name in ("position_adjusted", "length_adjusted", "position", "length"):
        few, more, sure = (getattr(result, name) for result in (first, many, surer))
        assert more.high - more.low < few.high - few.low < sure.high - sure.low


def test_few_pairs_one_side_and_separated_votes_are_not_adjusted_but_the_raw_rate_stands() -> None:
    few = preference_model(drawn(1, MIN_MODEL_ITEMS - 1))
    assert few.position_adjusted == few.length_adjusted == few.position and not few.position_biased
    assert isinstance(few.position, NotEnough) and few.position.needed == "1 more judged pairs"
    one_sided = preference_model(replace(drawn(1), candidate_first=np.ones(80, dtype=bool)))
    assert isinstance(one_sided.position_adjusted, NotEnough)
    separated = preference_model(four(40, 0, 0, 40))
    assert all(isinstance(result, NotEnough) for result in (separated.position, separated.position_adjusted))
    assert all(isinstance(result.raw, Estimate) for result in (one_sided, separated))


def test_whoever_always_prefers_the_left_answer_has_no_coefficient_but_the_alarm() -> None:
    """Fisher's exact test of 12 and 12 votes is 2 / C(24, 12); its side is told by the odds."""
    always = preference_model(four(12, 0, 0, 12))
    assert isinstance(always.position, NotEnough) and always.position_biased and always.pulls_to_first
    assert always.position_p == pytest.approx(2 / 2_704_156)
    assert (always.firsts, always.seconds) == (24, 0)
    mostly = preference_model(four(9, 0, 40, 24))
    assert mostly.pulls_to_first and mostly.firsts < mostly.seconds
    one_model = preference_model(four(20, 0, 20, 0))
    assert one_model.position_p is None and not one_model.position_biased and one_model.pulls_to_first is None


def test_a_few_votes_have_the_exact_p_of_the_lady_who_tasted_tea() -> None:
    """3, 1, 1 and 3 cups: p = 0.2429 on one side in R's documentation of fisher.test, and twice that by symmetry."""
    assert round(preference_model(four(3, 1, 1, 3)).position_p / 2, 4) == 0.2429


def test_lengths_that_are_always_equal_adjust_nothing() -> None:
    adjusted = preference_model(replace(drawn(1), longer=np.full(80, 12.0)))
    assert isinstance(adjusted.length_adjusted, NotEnough) and "differ by the same" in adjusted.length_adjusted.reason
    assert isinstance(adjusted.position_adjusted, Estimate)


def test_no_vote_is_not_enough_and_columns_of_other_votes_are_refused() -> None:
    nothing = preference_model(Judgements(np.array([]), [], [], np.array([], dtype=bool)))
    assert isinstance(nothing.raw, NotEnough) and isinstance(nothing.position, NotEnough)
    with pytest.raises(ValueError, match="one entry for each"):
        replace(drawn(1), candidate_first=np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="worth 1, 0, or one half"):
        replace(drawn(1), values=np.full(80, 2.0))
