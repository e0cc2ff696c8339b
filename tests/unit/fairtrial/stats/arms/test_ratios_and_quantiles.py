"""Ratios of sums with users as units: the cluster-robust regression, and what holds for any users."""

from math import sqrt

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.arms.ratios_and_quantiles import capped_requests, ratio, ratio_difference
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sums import JointMoments, Moments

RNG = np.random.default_rng(12)
USERS = st.lists(
    st.integers(1, 40).flatmap(lambda y: st.tuples(st.integers(0, y), st.just(y))), min_size=3, max_size=20
)
Users = list[tuple[int, int]]


def sums(users: Users) -> JointMoments:
    return JointMoments.of([x for x, _ in users], [y for _, y in users])


def effect(found: Effect | NotEnough) -> Effect:
    assert isinstance(found, Effect)
    return found


def test_the_variance_of_a_ratio_gives_the_number_of_gbstats() -> None:
    # gbstats' test of QuantileClusteredStatistic: "computes the cluster variance from cluster aggregates": 0.5625
    assert effect(ratio(JointMoments(n=2, x=10, y=4, xx=52, yy=10, xy=22), within=None)).variance == pytest.approx(
        0.5625
    )


def test_a_ratio_is_the_cluster_robust_regression_of_single_requests() -> None:
    sizes = RNG.geometric(0.15, 60)
    users = np.repeat(np.arange(60), sizes)
    thumbs = RNG.random(len(users)) < np.repeat(RNG.beta(2, 3, 60), sizes)
    fit = sm.OLS(thumbs.astype(float), np.ones(len(users))).fit(
        cov_type="cluster", cov_kwds={"groups": users, "use_correction": False}
    )
    found = effect(ratio(JointMoments.of(np.bincount(users, thumbs), sizes)))
    assert found.value == pytest.approx(fit.params[0])
    assert sqrt(found.variance) == pytest.approx(fit.bse[0] * sqrt(60 / 59))


def test_a_difference_is_the_cluster_robust_regression_on_the_arm() -> None:
    sizes = RNG.geometric(0.2, 100)
    users, arm = np.repeat(np.arange(100), sizes), np.repeat(np.arange(100) % 2, sizes)
    values = RNG.normal(0, 1, len(users)) + np.repeat(RNG.normal(0, 1, 100), sizes) + 0.3 * arm
    fit = sm.OLS(values, sm.add_constant(arm)).fit(
        cov_type="cluster", cov_kwds={"groups": users, "use_correction": False}
    )
    totals = np.bincount(users, values)
    halves = [JointMoments.of(totals[which::2], sizes[which::2]) for which in (0, 1)]
    found = effect(ratio_difference(*halves, within=None))
    assert found.value == pytest.approx(fit.params[1])
    assert sqrt(found.variance) == pytest.approx(fit.bse[1] * sqrt(50 / 49))


def test_with_one_request_a_user_a_ratio_is_a_mean() -> None:
    one, other = RNG.normal(3, 1, 40), RNG.normal(4, 2, 60)
    found = effect(
        ratio_difference(JointMoments.of(one, np.ones(40)), JointMoments.of(other, np.ones(60)), cap=1, within=(-9, 16))
    )
    plain = effect(mean_difference(Moments.of(one), Moments.of(other), within=(-9, 16)))
    assert found.ends == pytest.approx(plain.ends)
    assert (found.value, found.variance, found.freedom) == pytest.approx((plain.value, plain.variance, plain.freedom))


def test_users_who_sent_the_same_twice_are_not_twice_the_users() -> None:
    users = [(1, 2), (3, 4), (0, 3), (5, 5)] * 10
    once, twice = effect(ratio(sums(users))), effect(ratio(sums([(2 * x, 2 * y) for x, y in users])))
    assert (once.value, once.variance) == pytest.approx((twice.value, twice.variance))


@given(USERS, USERS)
def test_swapping_the_arms_turns_the_sign(one: Users, other: Users) -> None:
    there, back = effect(ratio_difference(sums(one), sums(other))), effect(ratio_difference(sums(other), sums(one)))
    assert (there.value, there.variance, there.freedom) == pytest.approx((-back.value, back.variance, back.freedom))


@given(USERS, USERS)
def test_order_and_parts_do_not_matter(one: Users, more: Users) -> None:
    assert ratio(sums(one + more)) == ratio(sums(more[::-1]) + sums(one[::-1]))


@given(USERS)
def test_four_times_the_users_all_but_halve_the_error(users: Users) -> None:
    few, many, n = effect(ratio(sums(users))), effect(ratio(sums(4 * users))), len(users)
    expected = few.variance * (n - 1) / n * (4 * n) / (4 * n - 1) / 4
    assert many.variance == pytest.approx(expected, abs=1e-15)


@given(USERS, USERS)
def test_the_freedom_is_never_above_the_users_less_two(one: Users, other: Users) -> None:
    found = effect(ratio_difference(sums(one), sums(other)))
    assert found.variance == 0 or found.freedom <= len(one) + len(other) - 2 + 1e-9


def test_a_relative_margin_scales_the_control() -> None:
    one, other = (
        JointMoments.of(RNG.poisson(3, 50), np.full(50, 5.0)),
        JointMoments.of(RNG.poisson(3, 50), np.full(50, 5.0)),
    )
    tripled = JointMoments(one.n, 3 * one.x, one.y, 9 * one.xx, one.yy, 3 * one.xy)
    found, same = (
        effect(ratio_difference(*arms, within=None, scale=by))
        for arms, by in (((one, other), 3.0), ((tripled, other), 1.0))
    )
    assert (found.value, found.variance, found.freedom) == pytest.approx((same.value, same.variance, same.freedom))


def test_nothing_is_said_without_users_or_denominators() -> None:
    some = sums([(1, 2), (2, 2), (0, 1)])
    for poor in [sums([(1, 2)]), JointMoments.of([], []), JointMoments.of([0, 0], [0, 0])]:
        assert isinstance(ratio(poor), NotEnough)
        assert isinstance(ratio_difference(some, poor), NotEnough)
        assert isinstance(ratio_difference(poor, some), NotEnough)
    assert isinstance(fixed(ratio(sums([(3, 10)] * 9))), NotEnough)
    assert isinstance(always_valid(ratio(some), tau=0.1), NotEnough)
    assert isinstance(always_valid(ratio(sums([(1, 2), (2, 2)] * 20)), tau=0.1), Estimate)
    assert isinstance(always_valid(ratio(sums([(1, 2), (2, 2)] * 20), cap=None), tau=0.1), NotEnough)


def test_few_users_who_send_most_of_the_requests_are_not_yet_thirty() -> None:
    # 45 users, of whom three send 50 requests and the others one: (192)² / (3 · 2500 + 42) = 4.9 equal users
    found = effect(ratio(sums([(25, 50)] * 3 + [(1, 1), (0, 1)] * 21)))
    assert found.not_yet is not None
    assert "4.89 equal" in found.not_yet.reason
    assert effect(ratio(sums([(25, 50), (20, 50)] * 15))).not_yet is None


@given(USERS)
def test_the_end_of_a_look_counts_two_unseen_users_at_the_cap(users: Users) -> None:
    arm, n = sums(users), len(users)
    found = effect(ratio(arm, cap=40))
    more = [3 * (40 * far) ** 2 * n / (n - 1) / arm.y**2 for far in (found.value, 1 - found.value)]
    assert found.unseen == pytest.approx(more)


@given(st.lists(st.integers(1, 900).flatmap(lambda y: st.tuples(st.integers(0, y), st.just(y))), min_size=2))
def test_a_user_above_the_cap_keeps_his_ratio_and_counts_as_the_cap(users: Users) -> None:
    x, y = zip(*users, strict=True)
    one_by_one = [(a * min(1, 50 / b), min(b, 50)) for a, b in users]
    found = capped_requests(x, y)
    assert found == JointMoments.of(*zip(*one_by_one, strict=True))
    assert isinstance(ratio(found), Effect)


def test_sums_that_no_users_within_the_cap_and_the_bounds_have_are_refused() -> None:
    with pytest.raises(ValueError, match="exceeds the cap"):
        ratio(sums([(3, 60), (1, 2)]))
    with pytest.raises(ValueError, match="is not between"):
        ratio(sums([(3, 2), (1, 2)]))
    with pytest.raises(ValueError, match="above 0"):
        capped_requests([0, 1], [0, 2])
    for cap in (0.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="cap must be"):
            capped_requests([1], [2], cap=cap)


def test_rare_numerators_in_a_small_arm_rarely_decide_a_trial_without_a_difference() -> None:
    # without the larger variance for looks 24 % of 300 such courses were decided
    rng = np.random.default_rng(24)
    wrong = 0
    for _ in range(100):
        y = rng.geometric(0.2, 4000)
        x, small = rng.binomial(y, rng.beta(0.01, 0.49, 4000)), rng.random(4000) < 0.1
        rows = np.column_stack([np.ones(4000), x, y, x * x, y * y, x * y])
        arms = [np.cumsum(rows * chosen[:, None], axis=0) for chosen in (~small, small)]
        for look in range(400, 4000, 60):
            found = ratio_difference(*(JointMoments(int(arm[look, 0]), *arm[look, 1:]) for arm in arms))
            closed = always_valid(found, tau=0.01)
            if isinstance(closed, Estimate) and not closed.low <= 0 <= closed.high:
                wrong += 1
                break
    assert wrong / 100 <= 0.05
