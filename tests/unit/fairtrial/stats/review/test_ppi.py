"""PPI++ against `ppi-python`, by hand, by simulation, and what must hold of it for all marks."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.review.ppi import cross_fitted, ppi_difference, ppi_mean
from fairtrial.stats.review.ppi_weighted import WeightedMarks, ppi_weighted
from fairtrial.stats.sums import JointMoments, Moments

RNG = np.random.default_rng(11)
Floats = np.ndarray


def marks(n: int, shift: int) -> tuple[Floats, Floats]:
    """An expert's and a judge's marks without any chance, so that they can be made again elsewhere."""
    i = np.arange(n)
    expert = ((7 * i + shift) % 11) / 2
    return expert, expert + ((5 * i + 2 * shift) % 7 - 3) / 2


def effect(found: Effect | NotEnough) -> Effect:
    assert isinstance(found, Effect)
    return found


def estimate(found: Estimate | NotEnough) -> Estimate:
    assert isinstance(found, Estimate)
    return found


# ppi-python 0.2.3: ppi_mean_pointestimate(Y, f, f_unlabeled, lam=None), ppi_mean_ci(..., alpha=0.05)
REFERENCE = [(60, 300, 2.52431319, 2.267725454, 2.780900930), (400, 3000, 2.50277741, 2.408012339, 2.597542478)]


@pytest.mark.parametrize(("n", "others", "point", "low", "high"), REFERENCE)
def test_it_gives_the_numbers_of_ppi_python(n: int, others: int, point: float, low: float, high: float) -> None:
    expert, judge = marks(n, 0)
    _, unlabelled = marks(others, 3)
    found = effect(ppi_mean(JointMoments.of(expert, judge), Moments.of(unlabelled), step=0))
    # Its λ has a covariance over n where this one has n − 1, its variances are over n, its quantile is normal.
    moved = unlabelled.mean() - judge.mean()
    assert found.value - expert.mean() == pytest.approx((point - expert.mean()) * n / (n - 1), abs=1e-7)
    assert moved != 0
    error = (high - low) / 2 / 1.959964
    assert sqrt(found.variance) == pytest.approx(error, rel=1.5 / n)


def test_it_is_the_formula_by_hand() -> None:
    y, f = marks(120, 1)
    _, others = marks(700, 2)
    tuned = np.cov(y, f)[0, 1] / ((1 + 120 / 700) * np.concatenate([f, others]).var(ddof=1))
    left = y - tuned * f
    found = effect(ppi_mean(JointMoments.of(y, f), Moments.of(others), step=0.5))
    assert 0 < tuned < 1
    assert found.value == pytest.approx(tuned * others.mean() + left.mean())
    residual = ((left - left.mean()) ** 2).sum() + 0.25
    assert found.variance == pytest.approx(tuned**2 * others.var(ddof=1) / 700 + residual / 118 / 120)
    assert (found.n, found.freedom, found.not_yet, found.method) == (120, 118, None, "PPI++")


def test_a_judge_that_knows_nothing_leaves_the_experts_mean() -> None:
    y = np.tile([0.0, 1.0, 1.0, 0.0], 50)
    f = np.tile([0.0, 1.0, 0.0, 1.0], 50)
    found = effect(ppi_mean(JointMoments.of(y, f), Moments.of(np.ones(900))))
    assert (found.value, found.freedom) == (0.5, 199)
    assert found.variance == pytest.approx((50 + 1) / 199 / 200)


def test_a_judge_that_is_always_wrong_is_not_followed_the_other_way() -> None:
    y = RNG.integers(0, 2, 150).astype(float)
    found = effect(ppi_mean(JointMoments.of(y, 1 - y), Moments.of(RNG.integers(0, 2, 900).astype(float))))
    assert found.value == pytest.approx(y.mean())


def test_few_marks_say_what_they_may_and_may_not_be_looked_at() -> None:
    y, f = marks(140, 0)
    others = Moments.of(marks(900, 3)[1])
    said = {n: effect(ppi_mean(JointMoments.of(y[:n], f[:n]), others)) for n in (20, 49, 50, 99, 100)}
    methods = [one.method for one in said.values()]
    few = "experts' mean, too few for the judge"
    assert methods == [few, few, "PPI++, indicative", "PPI++, indicative", "PPI++"]
    assert said[20].value == pytest.approx(y[:20].mean())
    assert [one.not_yet is None for one in said.values()] == [False, False, False, False, True]
    assert isinstance(always_valid(said[99], tau=0.1), NotEnough)
    assert "1 more" in str(always_valid(said[99], tau=0.1))
    assert estimate(always_valid(said[100], tau=0.1)).always_valid


def test_one_mark_or_no_fold_is_no_estimate() -> None:
    assert isinstance(ppi_mean(JointMoments.of([1], [1]), Moments.of([1, 0])), NotEnough)
    with pytest.raises(ValueError, match="no fold"):
        cross_fitted([], Moments.of([1, 0]))


def test_without_other_units_the_experts_stand_alone() -> None:
    y, f = marks(120, 0)
    found = effect(ppi_mean(JointMoments.of(y, f), Moments(0, 0, 0)))
    assert (found.method, found.value) == ("experts' mean", pytest.approx(y.mean()))


def test_a_judge_that_was_never_seen_wrong_still_leaves_room_for_a_mistake() -> None:
    y = np.tile([1.0, 1.0, 1.0, 0.0], 30)
    sure = effect(ppi_mean(JointMoments.of(y, y), Moments.of(np.tile([1.0, 1.0, 1.0, 0.0], 5000)), step=0))
    found = effect(ppi_mean(JointMoments.of(y, y), Moments.of(np.tile([1.0, 1.0, 1.0, 0.0], 5000))))
    assert sqrt(found.variance) > 2 * sqrt(sure.variance)
    assert sqrt(found.variance) > 1 / 120


def cells(n: int, rate: float, right: float, trials: int) -> tuple[Floats, Floats]:
    """How often both agreed on yes and so on, and how many of 2,000 others the judge marks yes, in many trials."""
    shares = [rate * right, rate * (1 - right), (1 - rate) * (1 - right), (1 - rate) * right]
    return RNG.multinomial(n, shares, trials), RNG.binomial(2000, shares[0] + shares[2], trials)


def covered(n: int, rate: float, right: float, *, step: float = 1.0, trials: int = 4000) -> float:
    both, ones = cells(n, rate, right, trials)
    hits = 0
    for (agreed, missed, wrong, _), positive in zip(both.tolist(), ones.tolist(), strict=True):
        y, f = agreed + missed, agreed + wrong
        seen = ppi_mean(JointMoments(n, y, f, y, f, agreed), Moments(2000, positive, positive), step=step)
        found = fixed(seen)
        hits += isinstance(found, Estimate) and found.low <= rate <= found.high
    return hits / trials


@pytest.mark.parametrize(("rate", "right"), [(0.7, 0.9), (0.9, 0.9), (0.9, 0.98)])
def test_a_hundred_experts_marks_cover_what_they_say(rate: float, right: float) -> None:
    assert covered(100, rate, right) > 0.94 - 2 * sqrt(0.05 * 0.95 / 4000)


def test_without_the_unit_more_a_judge_nearly_always_right_covers_less() -> None:
    assert covered(100, 0.9, 0.98, step=0) < 0.92


def test_folds_need_no_mark_that_their_judge_has_seen() -> None:
    y, f = marks(200, 0)
    others = Moments.of(marks(900, 3)[1])
    parts = [JointMoments.of(y[k::5], f[k::5]) for k in range(5)]
    found, whole = effect(cross_fitted(parts, others)), effect(ppi_mean(JointMoments.of(y, f), others))
    assert found.method == "PPI++, 5 folds cross-fitted"
    assert found.freedom == 195
    # One judge for all folds is the same judge: only λ is fitted elsewhere.
    assert found.value == pytest.approx(whole.value, abs=0.01)
    assert found.variance == pytest.approx(whole.variance, rel=0.05)
    again = effect(cross_fitted(parts[::-1], others))
    assert (again.value, again.variance) == pytest.approx((found.value, found.variance))


def test_the_folds_estimate_by_hand() -> None:
    y, f = marks(130, 0)
    others = marks(600, 3)[1]
    halves = [slice(0, 60), slice(60, 130)]
    found = effect(cross_fitted([JointMoments.of(y[h], f[h]) for h in halves], Moments.of(others), step=0))
    value = 0.0
    for mine, theirs in (halves, halves[::-1]):
        spread = (1 + 130 / 600) * np.concatenate([f[theirs], others]).var(ddof=1)
        tuned = np.cov(y[theirs], f[theirs])[0, 1] / spread
        value += len(y[mine]) / 130 * (tuned * others.mean() + (y[mine] - tuned * f[mine]).mean())
    assert found.value == pytest.approx(value)


def by_heart(n: int, others: int) -> tuple[float, float]:
    """Whether the intervals hold 0.7 of a judge that gives each unit the mark of a nearest one it was tuned on."""
    y, place = (RNG.random(n) < 0.7).astype(float), RNG.random(n)
    elsewhere = RNG.random(others)

    def learnt(seen: Floats, asked: Floats) -> Floats:
        return np.asarray(y[seen][np.abs(place[seen][:, None] - asked).argmin(axis=0)])

    everyone = np.ones(n, dtype=bool)
    naive = ppi_mean(JointMoments.of(y, learnt(everyone, place)), Moments.of(learnt(everyone, elsewhere)))
    folds, judged = [], np.zeros(others)
    for k in range(5):
        mine = np.arange(n) % 5 == k
        folds.append(JointMoments.of(y[mine], learnt(~mine, place[mine])))
        judged += learnt(~mine, elsewhere) / 5
    found = [estimate(fixed(one)) for one in (naive, cross_fitted(folds, Moments.of(judged)))]
    return tuple(float(one.low <= 0.7 <= one.high) for one in found)


def test_a_judge_that_learnt_the_marks_by_heart_fools_only_who_does_not_cross_fit() -> None:
    naive, crossed = np.mean([by_heart(120, 900) for _ in range(200)], axis=0)
    assert naive < 0.75
    assert crossed > 0.90


def test_the_same_prompts_in_both_arms_are_compared_by_their_differences() -> None:
    base = RNG.normal(0, 1, 2200)
    new, old = base + RNG.normal(0.1, 0.3, 2200), base + RNG.normal(0, 0.3, 2200)
    judged = [arm + RNG.normal(0, 0.3, 2200) for arm in (old, new)]
    seen, other = slice(0, 200), slice(200, None)
    apart = ppi_difference(
        *(
            ppi_mean(JointMoments.of(y[seen], f[seen]), Moments.of(f[other]), step=0)
            for y, f in zip((old, new), judged, strict=True)
        )
    )
    gap = judged[1] - judged[0]
    paired = ppi_mean(JointMoments.of((new - old)[seen], gap[seen]), Moments.of(gap[other]), step=0)
    assert effect(paired).value == pytest.approx(0.1, abs=0.1)
    assert effect(paired).variance < effect(apart).variance


def test_an_arm_that_can_not_be_told_leaves_no_difference() -> None:
    y, f = marks(120, 0)
    others = Moments.of(marks(900, 3)[1])
    told, few = ppi_mean(JointMoments.of(y, f), others), ppi_mean(JointMoments.of(y[:60], f[:60]), others)
    missing = NotEnough("no expert saw one", "marks")
    assert ppi_difference(told, missing) is missing and ppi_difference(missing, told) is missing
    found = effect(ppi_difference(few, told))
    assert found.not_yet is not None and found.method == "difference, PPI++ − PPI++, indicative"


def test_equal_chances_make_weights_that_change_nothing() -> None:
    y, f = marks(150, 0)
    others = Moments.of(marks(1350, 3)[1])
    plain = effect(ppi_mean(JointMoments.of(y, f), others))
    found = effect(ppi_weighted(WeightedMarks.of(y, f, np.full(150, 0.1)), others))
    assert found.value == pytest.approx(plain.value, abs=2e-3)
    assert found.variance == pytest.approx(plain.variance, rel=0.02)
    assert found.freedom == pytest.approx(plain.freedom)


def test_units_seen_with_more_chance_weigh_less() -> None:
    truth = np.where(np.arange(4000) % 4 == 0, 0.0, 1.0)
    judge = np.where(RNG.random(4000) < 0.9, truth, 1 - truth)
    chances = np.where(judge == 0, 0.4, 0.05)
    seen = RNG.random(4000) < chances
    weighted = effect(ppi_weighted(WeightedMarks.of(truth[seen], judge[seen], chances[seen]), Moments.of(judge[~seen])))
    naive = effect(ppi_mean(JointMoments.of(truth[seen], judge[seen]), Moments.of(judge[~seen])))
    assert abs(weighted.value - 0.75) < 3 * sqrt(weighted.variance)
    assert abs(naive.value - 0.75) > 3 * sqrt(naive.variance)


def test_weighted_marks_that_are_too_few_say_so() -> None:
    y, f = marks(40, 0)
    chances = np.where(np.arange(40) % 2, 0.5, 0.1)
    found = effect(ppi_weighted(WeightedMarks.of(y, f, chances), Moments.of(f)))
    assert found.method == "experts' mean, weighted by 1/π, too few for the judge"
    assert found.value == pytest.approx(np.average(y, weights=1 / chances))
    assert isinstance(ppi_weighted(WeightedMarks.of([1.0], [1.0], [0.5]), Moments.of(f)), NotEnough)
    with pytest.raises(ValueError, match="a sampling probability above 0"):
        WeightedMarks.of([1.0, 0.0], [1.0, 1.0], [0.5, 0.0])


MARK = st.integers(1, 5).map(float)
PAIRS = st.lists(st.tuples(MARK, MARK), min_size=4, max_size=10).map(lambda few: few * 25)


@given(PAIRS, st.integers(0, 100))
def test_the_order_of_units_does_not_matter_and_adding_sums_is_pooling(pairs: list, cut: int) -> None:
    y, f = np.array(pairs).T
    others = Moments.of([1, 2, 3, 4, 5, 5] * 50)
    whole = effect(ppi_mean(JointMoments.of(y, f), others))
    added = JointMoments.of(y[cut:], f[cut:]) + JointMoments.of(y[:cut], f[:cut])
    assert effect(ppi_mean(added, others)) == whole
    pi = np.where(np.arange(len(y)) % 3, 0.5, 0.25)
    parts = WeightedMarks.of(y[:cut], f[:cut], pi[:cut]) + WeightedMarks.of(y[cut:], f[cut:], pi[cut:])
    found, again = effect(ppi_weighted(WeightedMarks.of(y, f, pi), others)), effect(ppi_weighted(parts, others))
    assert (again.value, again.variance) == pytest.approx((found.value, found.variance))


@given(PAIRS, PAIRS)
def test_swapping_arms_mirrors_the_difference(one: list, two: list) -> None:
    others = Moments.of([1, 2, 3, 4, 5, 5] * 50)
    arms = [ppi_mean(JointMoments.of(*np.array(arm).T), others) for arm in (one, two)]
    found, mirrored = effect(ppi_difference(*arms)), effect(ppi_difference(*arms[::-1]))
    assert (found.value, found.variance, found.freedom) == pytest.approx(
        (-mirrored.value, mirrored.variance, mirrored.freedom)
    )


@given(PAIRS, st.sampled_from([2, 4]))
def test_more_units_of_the_same_kind_narrow_the_interval_and_a_higher_level_widens_it(pairs: list, times: int) -> None:
    y, f = np.array(pairs).T
    others = np.array([1.0, 2, 3, 4, 5, 5] * 50)
    few = ppi_mean(JointMoments.of(y, f), Moments.of(others))
    many = ppi_mean(JointMoments.of(np.tile(y, times), np.tile(f, times)), Moments.of(np.tile(others, times)))
    widths = [estimate(fixed(one, level=level)) for one, level in ((many, 0.95), (few, 0.95), (few, 0.99))]
    assert sorted(widths, key=lambda one: one.high - one.low) == widths


@given(PAIRS)
def test_marks_turned_around_turn_the_mean_around(pairs: list) -> None:
    y, f = np.array(pairs).T
    others = np.array([1.0, 2, 3, 4, 5, 5] * 50)
    found = effect(ppi_mean(JointMoments.of(y, f), Moments.of(others)))
    turned = effect(ppi_mean(JointMoments.of(6 - y, 6 - f), Moments.of(6 - others)))
    assert (turned.value, turned.variance) == pytest.approx((6 - found.value, found.variance))
