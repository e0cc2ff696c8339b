"""The alarm on a rate that must stay small: published numbers, its exact error rate, and what must hold always."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, binom

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.rare_rate import rate_above
from fairtrial.stats.sums import Successes


def log_e(n: int, k: int, limit: float = 0.001, prior: tuple[float, float] | None = None) -> float:
    found = rate_above(Successes(n=n, successes=k), limit=limit, prior=prior)
    assert isinstance(found, EValue)
    return found.log_e


def test_it_gives_the_numbers_of_confseq() -> None:
    # confseq, test/uniform_boundaries_test.cpp, TestOneSidedBetaBinomialMixture: s = 10, v = 100, v_opt = 100,
    # g = 0.2, h = 0.8; that is 135 of 625 against 0.2 under Beta(r / h, r / g), r = rho - g h
    rho = 100 / (2 * log(10) + np.log1p(2 * log(10)))
    prior = ((rho - 0.16) / 0.8, (rho - 0.16) / 0.2)
    assert log_e(625, 135, 0.2, prior) == pytest.approx(-0.07134019, abs=1e-5)
    assert log_e(625, 125 + 28.41238, 0.2, prior) == pytest.approx(log(20), abs=1e-4)


@pytest.mark.parametrize(("n", "k", "limit"), [(500, 3, 0.001), (40, 9, 0.1), (20_000, 30, 0.001), (30, 0, 0.02)])
def test_it_is_the_integral_that_it_says(n: int, k: int, limit: float) -> None:
    a, b = 1.0, max(1.0, 0.1 / limit)
    above, _ = quad(lambda rate: beta.pdf(rate, a, b) * binom.pmf(k, n, rate), limit, min(1.0, 60 * limit), limit=200)
    expected = log(above) - beta.logsf(limit, a, b) - binom.logpmf(k, n, limit)
    assert log_e(n, k, limit) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("rate", [0.01, 0.005])
def test_the_chance_of_a_false_alarm_is_at_most_alpha_exactly(rate: float) -> None:
    limit, alpha, alarmed, alive = 0.01, 0.05, 0.0, np.array([1.0])
    for n in range(1, 2_001):
        alive = np.append(alive * (1 - rate), 0)[:60] + np.append(0, alive * rate)[:60]
        out = np.array([weight > 1e-15 and log_e(n, k, limit) >= -log(alpha) for k, weight in enumerate(alive)])
        alarmed += float(alive[out].sum())
        alive[out] = 0
    assert 0 < alarmed <= alpha
    assert (alarmed > 0.01) == (rate == limit)


@given(st.integers(1, 5_000), st.floats(0, 1), st.sampled_from([0.001, 0.05, 0.3]))
def test_evidence_rises_with_events_and_falls_with_units_without(n: int, share: float, limit: float) -> None:
    k = round(share * (n - 1))
    assert log_e(n, k, limit) < log_e(n, k + 1, limit)
    assert log_e(n, k, limit) > log_e(n + 1, k, limit)


@given(st.integers(1, 5_000), st.integers(0, 30))
def test_evidence_against_a_higher_limit_is_smaller(n: int, k: int) -> None:
    prior, k = (1.0, 50.0), min(n, k)
    found = [log_e(n, k, limit, prior) for limit in (0.001, 0.005, 0.02)]
    assert found == sorted(found, reverse=True) or k < 0.02 * n


def test_sticky_users_that_moved_are_found_and_a_few_are_borne() -> None:
    # a limit of one in a thousand at alpha = 0.01: 8 in 10,000 is no alarm, 5 in 100 is one
    assert log_e(10_000, 8) < log(100) < log_e(100, 5)


def test_a_million_units_without_an_event_have_finite_evidence() -> None:
    assert -10_000 < log_e(1_000_000, 0) < 0


def test_no_unit_is_no_evidence_and_a_limit_is_a_rate() -> None:
    assert isinstance(rate_above(Successes(n=0, successes=0), limit=0.001), NotEnough)
    with pytest.raises(ValueError, match="limit"):
        rate_above(Successes(n=5, successes=0), limit=0.0)
    for prior in ((0.0, 1.0), (1.0, -1.0), (1.0, float("nan"))):
        with pytest.raises(ValueError, match="prior"):
            rate_above(Successes(n=5, successes=0), limit=0.1, prior=prior)
