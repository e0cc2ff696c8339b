"""Clustered quantiles: the numbers of gbstats, the theory of order statistics, failures, ties and too few values."""

from math import exp, inf, pi, sqrt

import duckdb
import numpy as np
import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums, quantile_difference, quantile_level, quantile_ranks
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import JointMoments
from tests.fixtures.for_each import for_each

VALUES = st.builds(
    lambda seed, n: np.random.default_rng(seed).permutation(10_000)[:n].astype(float).tolist(),
    st.integers(0, 10**6),
    st.integers(45, 80),
)


def effect(result: Effect | NotEnough) -> Effect:
    assert isinstance(result, Effect)
    return result


def reason(result: Effect | Estimate | NotEnough) -> str:
    assert isinstance(result, NotEnough)
    return result.reason


def test_single_values_give_the_numbers_of_gbstats() -> None:
    # gbstats' test of QuantileStatistic, "computes varianceInit from the confidence-interval width": n V is 10.0864 for
    # 11,054 values with nu = 0.9; there (n − 1)/n is a factor, here n/(n − 1) that of the users
    n, below = 11_054, 9949
    alone = JointMoments(n, below, n, below, n, below)
    level = effect(quantile_level(QuantileSums(0.9, 7.157987489967789, 7.098780136176828, 7.217194843758751, alone)))
    assert level.value == 7.157987489967789
    assert level.variance * n == pytest.approx(10.0864, abs=0.005)


def test_the_design_effect_is_that_of_kish() -> None:
    # 400 users with ten requests each of which all or none are at most the p90: ten requests tell what one would,
    # Kish (1965), Survey Sampling: deff = 1 + (m − 1) · ICC with m = 10 and ICC = 1; and 400/399 for the users
    users = JointMoments(n=400, x=3600, y=4000, xx=36_000, yy=40_000, xy=36_000)
    level = effect(quantile_level(QuantileSums(0.9, 7.16, 7.10, 7.22, users)))
    assert level.variance == pytest.approx((0.12 / (2 * 1.959964)) ** 2 * 10 * 400 / 399, rel=1e-6)
    spread = JointMoments(
        n=400, x=3600, y=4000, xx=32_400, yy=40_000, xy=36_000
    )  # nine of ten for each: no less than 1
    assert effect(quantile_level(QuantileSums(0.9, 7.16, 7.10, 7.22, spread))).variance == pytest.approx(
        (0.12 / (2 * 1.959964)) ** 2, rel=1e-6
    )


def test_singletons_have_the_variance_of_an_order_statistic() -> None:
    # var of a sample quantile = ν(1 − ν) / (n f²): for the median of a normal π/2 · σ²/n, Stuart & Ord, Kendall's
    # Advanced Theory of Statistics; the p95 of an exponential has the density 0.05
    rng = np.random.default_rng(13)
    drawn = [effect(quantile_level(QuantileSums.of(rng.normal(0, 1, 2000), None, 0.5))).variance for _ in range(100)]
    assert np.mean(drawn) == pytest.approx(pi / 2 / 2000, rel=0.05)
    drawn = [effect(quantile_level(QuantileSums.of(rng.exponential(1, 4000), None, 0.95))).variance for _ in range(100)]
    assert np.mean(drawn) == pytest.approx(0.95 * 0.05 / 4000 / 0.05**2, rel=0.12)


@pytest.mark.parametrize("nu", [0.5, 0.9])
def test_users_that_move_together_have_the_variance_of_repeated_draws(nu: float) -> None:
    rng = np.random.default_rng(14)
    values, variances = [], []
    for _ in range(300):
        sizes = rng.geometric(0.1, 150)
        users = np.repeat(np.arange(150), sizes)
        latency = np.exp(np.repeat(rng.normal(0, 0.5, 150), sizes) + rng.normal(0, 0.7, len(users)))
        level = effect(quantile_level(QuantileSums.of(latency, users.astype(str).tolist(), nu)))
        values.append(level.value)
        variances.append(level.variance)
    assert 0.8 < np.mean(variances) / np.var(values) < 1.35
    alone = effect(quantile_level(QuantileSums.of(latency, None, nu))).variance
    assert alone < np.var(values) / 1.5


def test_a_whole_user_copied_is_no_news() -> None:
    latency = np.random.default_rng(15).gamma(3, 1, 300)
    once = effect(quantile_level(QuantileSums.of(latency, None, 0.5)))
    thrice = effect(quantile_level(QuantileSums.of(np.tile(latency, 3), 3 * [str(i) for i in range(300)], 0.5)))
    assert (once.value, once.n, once.freedom) == (thrice.value, thrice.n, thrice.freedom)
    assert sqrt(thrice.variance) == pytest.approx(sqrt(once.variance), rel=0.35)  # not 1/√3 of it


@for_each(("n", "nu"), [(1, 0.5), (7, 0.5), (100, 0.95), (1000, 0.99), (4000, 0.95), (50, 0.02)])
def test_the_middle_rank_is_the_inverse_of_the_empirical_distribution(n: int, nu: float) -> None:
    low, middle, high = quantile_ranks(n, nu)
    values = np.arange(1.0, n + 1)
    assert middle == np.quantile(values, nu, method="inverted_cdf")
    assert 1 <= low <= middle <= high <= n


@given(VALUES, st.sampled_from([0.5, 0.4]))
def test_order_and_names_do_not_matter(values: list[float], nu: float) -> None:
    users = [str(i % 9) for i in range(len(values))]
    renamed = [f"user {9 - int(u)}" for u in users]
    assert QuantileSums.of(values, users, nu) == QuantileSums.of(values[::-1], renamed[::-1], nu)


@given(VALUES, VALUES)
def test_swapping_the_arms_turns_the_sign(control: list[float], treatment: list[float]) -> None:
    arms = [QuantileSums.of(values, None, 0.5) for values in (control, treatment)]
    there, back = effect(quantile_difference(*arms)), effect(quantile_difference(*arms[::-1]))
    assert (there.value, there.variance, there.freedom) == pytest.approx((-back.value, back.variance, back.freedom))


@given(VALUES, st.floats(0.1, 10), st.floats(-100, 100))
def test_scale_and_origin_of_the_metric_carry_through(values: list[float], by: float, shift: float) -> None:
    plain = effect(quantile_level(QuantileSums.of(values, None, 0.5)))
    moved = effect(quantile_level(QuantileSums.of([by * v + shift for v in values], None, 0.5)))
    assert moved.value == pytest.approx(by * plain.value + shift, abs=1e-6)
    assert moved.variance == pytest.approx(by**2 * plain.variance, rel=1e-4)


def test_more_values_narrow_the_interval() -> None:
    rng = np.random.default_rng(16)
    widths = []
    for n in (1000, 4000, 16_000):
        drawn = [effect(quantile_level(QuantileSums.of(rng.normal(0, 1, n), None, 0.9))) for _ in range(20)]
        widths.append(sqrt(np.mean([draw.variance for draw in drawn])))
    assert widths[0] / widths[1] == pytest.approx(2, abs=0.25)
    assert widths[1] / widths[2] == pytest.approx(2, abs=0.25)


def test_failures_count_as_slower_than_anything() -> None:
    rng = np.random.default_rng(17)
    fine = rng.gamma(3, 1, 1000)
    failing = np.where(np.arange(1000) < 20, inf, fine)
    calm, failed = (effect(quantile_level(QuantileSums.of(v, None, 0.9))) for v in (fine, failing))
    assert failed.value > calm.value
    half = np.where(np.arange(1000) < 95, inf, fine)
    assert reason(quantile_level(QuantileSums.of(half, None, 0.9))) == "so many failed that the p90 has no upper bound"
    most = np.where(np.arange(1000) < 200, inf, fine)
    assert reason(quantile_level(QuantileSums.of(most, None, 0.9))) == "so many failed that the p90 does not exist"
    assert isinstance(quantile_level(QuantileSums.of(most, None, 0.5)), Effect)


def test_p99_needs_two_thousand_values_in_each_arm() -> None:
    rng = np.random.default_rng(18)
    few, enough = (QuantileSums.of(rng.gamma(3, 1, n), None, 0.99) for n in (1999, 2000))
    assert isinstance(quantile_level(enough), Effect)
    assert isinstance(quantile_difference(enough, few), NotEnough)
    assert isinstance(quantile_difference(few, enough), NotEnough)
    assert reason(quantile_level(few)) == "1,999 values are too few for the p99"
    assert quantile_level(few) == NotEnough("1,999 values are too few for the p99", "2,000 values in each arm", 1999)


def test_ties_are_not_certainty() -> None:
    tokens = [float(v) for v in np.random.default_rng(19).poisson(2, 4000)]
    equal = QuantileSums.of(tokens, None, 0.5)
    assert equal.lower == equal.upper
    assert reason(quantile_level(equal)) == "the values beside the p50 are equal"
    rounded = effect(quantile_level(QuantileSums.of(tokens, None, 0.5, step=1)))
    assert sqrt(rounded.variance) == pytest.approx(1 / (2 * 1.959964), rel=0.01)
    capped = QuantileSums.of(np.minimum(tokens, 3), None, 0.9, step=1)
    assert reason(quantile_level(capped)) == "no value lies above the p90"


def test_rounding_to_a_step_never_narrows() -> None:
    for seed in range(20):
        exact = np.random.default_rng(seed).gamma(3, 1, 500)
        fine = effect(quantile_level(QuantileSums.of(exact, None, 0.9)))
        coarse = effect(quantile_level(QuantileSums.of(np.round(exact, 1), None, 0.9, step=0.1)))
        assert coarse.variance >= 0.97 * fine.variance


PICKED = """
    with ranked as (select value, row_number() over (order by value) as rank from answer)
    select min(value) filter (rank = $lower), min(value) filter (rank = $middle), min(value) filter (rank = $upper)
    from ranked
"""
SUMMED = """
    with by_user as (select person, count(*) filter (value <= $value) as x, count(*) as y from answer group by person)
    select count(*), sum(x), sum(y), sum(x * x), sum(y * y), sum(x * y) from by_user
"""


def test_a_database_supplies_the_same_sums() -> None:
    rng = np.random.default_rng(23)
    values = np.where(rng.random(900) < 0.02, inf, np.round(rng.gamma(3, 1, 900), 2))
    users = [str(user) for user in rng.integers(0, 90, 900)]
    with duckdb.connect() as db:
        db.execute("create table answer (person varchar, value double)")
        db.executemany("insert into answer values (?, ?)", list(zip(users, values.tolist(), strict=True)))
        ranks = dict(zip(("lower", "middle", "upper"), quantile_ranks(900, 0.9), strict=True))
        lower, value, upper = db.execute(PICKED, ranks).fetchall()[0]
        n, *sums = db.execute(SUMMED, {"value": value}).fetchall()[0]
    sums_of_rows = QuantileSums(0.9, value, lower, upper, JointMoments(n, *map(float, sums)), step=0.01)
    assert sums_of_rows == QuantileSums.of(values, users, 0.9, step=0.01)


def test_a_relative_margin_scales_the_control() -> None:
    values = np.random.default_rng(20).gamma(3, 1, 500)
    control, treatment, scaled = (QuantileSums.of(by * values, None, 0.9) for by in (1, 1.3, 1.2))
    difference = effect(quantile_difference(control, treatment, scale=1.2))
    same = effect(quantile_difference(scaled, treatment))
    assert (difference.value, difference.variance) == pytest.approx((same.value, same.variance))


def test_nonsense_is_refused() -> None:
    fine = QuantileSums.of(np.arange(100.0), None, 0.5)
    for values in ([], [float("nan")], [-inf]):
        with pytest.raises(ValueError, match="needs values"):
            QuantileSums.of(values, None, 0.5)
    with pytest.raises(ValueError, match="step"):
        QuantileSums.of([1.0, 2.0], None, 0.5, step=float("nan"))
    with pytest.raises(ValueError, match="at most the quantile"):
        QuantileSums(0.5, 1.0, 0.0, 2.0, JointMoments(50, 0, 50, 0, 50, 0))
    with pytest.raises(ValueError, match="2 users"):
        QuantileSums.of([1.0, 2.0, 3.0], ["a", "b"], 0.5)
    with pytest.raises(ValueError, match="quantile"):
        QuantileSums(1.0, 2.0, 1.0, 3.0, fine.users)
    with pytest.raises(ValueError, match="lower"):
        QuantileSums(0.5, 2.0, 3.0, 3.0, fine.users)
    with pytest.raises(ValueError, match="compared"):
        quantile_difference(fine, QuantileSums.of(np.arange(100.0), None, 0.6))
    with pytest.raises(ValueError, match="quantile"):
        quantile_ranks(0, 0.5)


def test_a_look_waits_for_thirty_users() -> None:
    values = np.random.default_rng(21).gamma(3, 1, 900)
    few = QuantileSums.of(values, [str(i % 29) for i in range(900)], 0.5)
    many = QuantileSums.of(values, [str(i % 300) for i in range(900)], 0.5)
    assert isinstance(always_valid(quantile_difference(few, many), tau=0.3), NotEnough)
    assert isinstance(always_valid(quantile_difference(many, many), tau=0.3), Estimate)
    assert isinstance(quantile_level(QuantileSums.of(values, ["one"] * 900, 0.5)), NotEnough)


@pytest.mark.release("simulations")
def test_trials_without_a_difference_are_rarely_decided_though_looked_at_often() -> None:
    rng = np.random.default_rng(22)
    wrong = 0
    for _ in range(100):
        arms = []
        for _ in range(2):
            sizes = rng.geometric(0.2, 600)
            users = np.repeat(np.arange(600), sizes)
            arms.append((users, np.exp(np.repeat(rng.normal(0, 0.4, 600), sizes) + rng.normal(0, 0.6, len(users)))))
        for enrolled in range(100, 601, 100):
            seen = [QuantileSums.of(v[u < enrolled], u[u < enrolled].astype(str).tolist(), 0.9) for u, v in arms]
            interval = always_valid(quantile_difference(*seen), tau=0.1 * exp(0.9))
            if isinstance(interval, Estimate) and not interval.low <= 0 <= interval.high:
                wrong += 1
                break
    assert wrong / 100 <= 0.05
