"""Amounts: the sums up to a frozen limit, the units above it, and sums that no amounts have."""

from math import sqrt

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.amounts import Amounts, amount_difference, cuped_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sums import JointMoments, Moments, Successes

AMOUNTS = st.lists(st.integers(0, 1_000).map(float), max_size=40)


@given(AMOUNTS, AMOUNTS)
def test_parts_add_up_to_the_whole(part: list[float], more: list[float]) -> None:
    whole = Amounts.of(part + more, limit=100)
    assert Amounts.of(part, limit=100) + Amounts.of(more, limit=100) == whole
    assert whole.capped == Moments.of(np.minimum([*part, *more], 100))
    assert whole.share_above == Successes(len(part + more), sum(each > 100 for each in part + more))


def test_a_unit_at_the_limit_is_not_above_it() -> None:
    assert Amounts.of([5.0, 5.1], limit=5) == Amounts(Moments(2, 10.0, 50.0), above=1, limit=5.0)


def test_how_far_above_the_limit_does_not_count() -> None:
    assert Amounts.of([1, 2, 11], limit=10) == Amounts.of([1, 2, 1e9], limit=10)


@pytest.mark.parametrize("amounts", [[-1.0, 2.0], [float("nan")], [float("inf")]])
def test_amounts_are_finite_and_not_below_0(amounts: list[float]) -> None:
    with pytest.raises(ValueError, match=r"0 or more|finite"):
        Amounts.of(amounts, limit=5)


def test_sums_that_no_amounts_have_are_refused() -> None:
    with pytest.raises(ValueError, match="cap them"):
        Amounts(Moments.of([1.0, 9.0]), above=1, limit=5)
    for above in (-1, 3, 2):  # two above the limit of 5 cost 10 together
        with pytest.raises(ValueError, match="can't be above"):
            Amounts(Moments.of([5.0, 1.0]), above=above, limit=5)
    for limit in (0.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="limit"):
            Amounts.of([1.0], limit=limit)
    with pytest.raises(ValueError, match="limits 5 and 6"):
        Amounts.of([1.0], limit=5) + Amounts.of([1.0], limit=6)


def test_earlier_amounts_are_capped_and_add_up() -> None:
    part, more = [1.0, 7.0, 3.0], [2.0, 9.0]
    before, earlier = [4.0, 8.0, 0.0], [6.0, 1.0]
    whole = Amounts.of(part + more, limit=5, earlier=before + earlier)
    assert Amounts.of(part, limit=5, earlier=before) + Amounts.of(more, limit=5, earlier=earlier) == whole
    assert whole.with_earlier == JointMoments.of([1, 5, 3, 2, 5], [4, 5, 0, 5, 1])
    assert (whole + Amounts.of(part, limit=5)).with_earlier is None
    with pytest.raises(ValueError, match="3 of 5 units have an earlier amount"):
        Amounts(whole.capped, 0, 5.0, JointMoments.of([1, 2, 3], [1, 2, 3]))


def test_earlier_amounts_leave_less_variance_and_the_same_effect_where_the_arms_were_alike() -> None:
    rng = np.random.default_rng(4)
    before = rng.gamma(2.0, 1.0, (2, 2_000))
    before[1] = before[0]
    after = before + rng.gamma(2.0, 0.5, (2, 2_000))
    arms = [Amounts.of(x, limit=20, earlier=y) for x, y in zip(after, before, strict=True)]
    for scale in (1.0, 1.2):
        difference = amount_difference(arms[0], arms[1], scale=scale)
        plain = mean_difference(arms[0].capped, arms[1].capped, within=(0.0, 20.0), scale=scale)
        assert isinstance(difference, Effect) and isinstance(plain, Effect)
        assert difference.variance < 0.35 * plain.variance
        assert difference.value == pytest.approx(plain.value)
    without = Amounts(arms[1].capped, arms[1].above, 20.0)
    assert amount_difference(arms[0], without) == mean_difference(arms[0].capped, without.capped, within=(0.0, 20.0))


PAIRS = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=4, max_size=25)
Pairs = list[tuple[int, int]]


def sums(pairs: Pairs) -> JointMoments:
    return JointMoments.of([x for x, _ in pairs], [y for _, y in pairs])


def effect(result: Effect | NotEnough) -> Effect:
    assert isinstance(result, Effect)
    return result


def plain(control: JointMoments, treatment: JointMoments, scale: float = 1.0) -> Effect:
    return effect(mean_difference(control.first, treatment.first, scale=scale))


def drawn(n: int, share: float, rho: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    arm = np.arange(n) < n * share
    before = rng.normal(5, 2, n)
    return arm, before, 2 + rho * before + sqrt(1 - rho**2) * 2 * rng.normal(0, 1, n) + 0.3 * arm


def test_with_arms_of_one_size_it_is_the_analysis_of_covariance() -> None:
    arm, before, after = drawn(400, 0.5, 0.7, seed=1)
    fit = sm.OLS(after, sm.add_constant(np.column_stack([arm, before]))).fit()
    difference = effect(cuped_difference(*(JointMoments.of(after[arm == a], before[arm == a]) for a in (False, True))))
    assert difference.value == pytest.approx(fit.params[1], rel=1e-9)
    assert sqrt(difference.variance) == pytest.approx(fit.bse[1], rel=0.01)


@pytest.mark.parametrize(("n", "apart"), [(3, 0.0), (4, 1.0), (9, -2.5)])
def test_with_few_units_it_is_the_analysis_of_covariance_exactly(n: int, apart: float) -> None:
    # where both arms spread alike before, however much they differ there in the mean
    rng = np.random.default_rng(n)
    before, arm = rng.normal(0, 1, n), np.arange(2 * n) >= n
    both = np.concatenate([before, before + apart])
    after = both + rng.normal(0, 1, 2 * n)
    fit = sm.OLS(after, sm.add_constant(np.column_stack([arm, both]))).fit()
    difference = effect(cuped_difference(*(JointMoments.of(after[arm == a], both[arm == a]) for a in (False, True))))
    assert difference.value == pytest.approx(fit.params[1], rel=1e-9)
    assert sqrt(difference.variance) == pytest.approx(fit.bse[1], rel=1e-9)


def test_a_small_arm_pays_for_the_slope_that_is_all_but_its_own() -> None:
    # N - 2 over N - 3 alone would cover 85 % with 4 and 30 units
    rng, covered = np.random.default_rng(32), 0
    for _ in range(1_000):
        before = [rng.normal(0, 1, n) for n in (30, 4)]
        interval = fixed(cuped_difference(*(JointMoments.of(y + rng.normal(0, 1, len(y)), y) for y in before)))
        covered += isinstance(interval, Estimate) and interval.low <= 0 <= interval.high
    assert covered / 1_000 >= 0.89


def test_with_arms_of_unequal_size_it_is_lins_regression() -> None:
    # Lin (2013): the regression with the arm, the centred covariate and their product, and its robust standard error
    arm, before, after = drawn(3000, 0.1, 0.7, seed=2)
    after = after + 0.2 * arm * (before - 5)
    centred = before - before.mean()
    fit = sm.OLS(after, sm.add_constant(np.column_stack([arm, centred, arm * centred]))).fit(cov_type="HC2")
    difference = effect(cuped_difference(*(JointMoments.of(after[arm == a], before[arm == a]) for a in (False, True))))
    assert difference.value == pytest.approx(fit.params[1], abs=0.1 * fit.bse[1])
    assert sqrt(difference.variance) == pytest.approx(fit.bse[1], rel=0.02)


def test_what_it_takes_off_is_the_square_of_the_correlation() -> None:
    # Deng, Xu, Kohavi & Walker (2013): var(CUPED) = var(plain) (1 − ρ²)
    arm, before, after = drawn(20_000, 0.5, 0.6, seed=3)
    arms = [JointMoments.of(after[arm == a], before[arm == a]) for a in (False, True)]
    rho = np.corrcoef(before, after - 0.3 * arm)[0, 1]
    difference = effect(cuped_difference(*arms))
    assert difference.variance / plain(*arms).variance == pytest.approx(1 - rho**2, abs=0.002)
    assert difference.method == f"difference of means, CUPED took off {100 * rho**2:.3g} % of the variance"


@given(PAIRS, PAIRS)
def test_it_never_widens_but_for_the_one_slope_that_it_estimates(control: Pairs, treatment: Pairs) -> None:
    arms, least = (sums(control), sums(treatment)), min(len(control), len(treatment))
    before = effect(mean_difference(*(arm.second for arm in arms)))
    apart = before.value**2 / before.variance if before.variance else 0.0
    most = (least - 1) / (least - 2) * (1 + apart / (least - 1))
    assert effect(cuped_difference(*arms)).variance <= plain(*arms).variance * most * (1 + 1e-9) + 1e-9


@given(PAIRS, PAIRS)
def test_swapping_the_arms_turns_the_sign(control: Pairs, treatment: Pairs) -> None:
    arms = sums(control), sums(treatment)
    there, back = effect(cuped_difference(*arms)), effect(cuped_difference(*arms[::-1]))
    assert (there.value, there.variance) == pytest.approx((-back.value, back.variance), abs=1e-9)


@given(PAIRS, PAIRS, PAIRS)
def test_order_and_parts_do_not_matter(control: Pairs, more: Pairs, treatment: Pairs) -> None:
    whole = cuped_difference(sums(control + more), sums(treatment))
    assert whole == cuped_difference(sums(more[::-1]) + sums(control[::-1]), sums(treatment[::-1]))


@given(PAIRS, PAIRS, st.integers(-100, 100))
def test_another_origin_of_the_covariate_changes_nothing(control: Pairs, treatment: Pairs, by: int) -> None:
    moved = [sums([(x, y + by) for x, y in arm]) for arm in (control, treatment)]
    there, back = effect(cuped_difference(sums(control), sums(treatment))), effect(cuped_difference(*moved))
    assert (there.value, there.variance) == pytest.approx((back.value, back.variance), abs=1e-6)


def test_no_spread_before_the_experiment_leaves_the_plain_difference() -> None:
    rng = np.random.default_rng(4)
    arms = [JointMoments.of(rng.normal(0, 1, 40), np.zeros(40)) for _ in range(2)]
    assert cuped_difference(*arms) == plain(*arms)
    assert cuped_difference(*arms, scale=1.2) == plain(*arms, scale=1.2)


def test_a_relative_margin_is_unbiased_though_the_arms_differ_before() -> None:
    rng = np.random.default_rng(5)
    differences = []
    for _ in range(800):
        before = rng.normal(5, 2, 200)
        after = before + rng.normal(0, 1, 200)
        after[100:] *= 1.1
        differences.append(
            effect(
                cuped_difference(
                    *(JointMoments.of(after[s], before[s]) for s in (slice(100), slice(100, None))), scale=1.1
                )
            )
        )
    errors = np.array([f.value for f in differences])
    assert abs(errors.mean()) < 3 * errors.std() / sqrt(800)
    assert np.mean([f.variance for f in differences]) == pytest.approx(errors.var(), rel=0.15)


def test_few_units_are_not_enough() -> None:
    single, some = sums([(1, 1)]), sums([(1, 2), (2, 1), (4, 4)])
    assert isinstance(cuped_difference(single, some), NotEnough)
    assert isinstance(cuped_difference(some, single), NotEnough)
    assert isinstance(fixed(cuped_difference(some, some)), Estimate)
    assert isinstance(always_valid(cuped_difference(some, some, within=(0, 5)), tau=1.0), NotEnough)
    with pytest.raises(ValueError, match="scaled"):
        cuped_difference(some, some, scale=0.0)
