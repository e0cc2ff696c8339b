"""The logarithms of a beta tail and of a rising factorial, against the integral, the gamma function and the product."""

from math import fsum, lgamma, log, log1p

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.polynomial.legendre import leggauss
from scipy.special import betaincc, betaln, logsumexp

from fairtrial.stats.sequential import conversions
from fairtrial.stats.sequential.conversions import log_rise, log_tail

NODES, WEIGHTS = leggauss(400)


def by_quadrature(x: float, a: float, b: float) -> float:
    """The integral on the logarithmic scale, where the density falls fast enough for 400 points."""
    far = min(1 - x, 60 / ((b - 1) / (1 - x) - (a - 1) / x))
    t = x + far * (NODES + 1) / 2
    return float(logsumexp(np.log(WEIGHTS * far / 2) + (a - 1) * np.log(t) + (b - 1) * np.log1p(-t)) - betaln(a, b))


@given(st.floats(0.02, 0.98), st.floats(0, 7), st.floats(0.02, 0.9))
def test_it_agrees_with_scipy_where_scipy_can_tell(mean: float, size: float, x: float) -> None:
    a, b = mean * 10**size, (1 - mean) * 10**size
    tail = float(betaincc(a, b, x))
    if tail > 1e-240:
        assert log_tail(x, a, b) == pytest.approx(np.log(tail), rel=1e-9, abs=1e-12)


@given(st.floats(0.05, 0.8), st.floats(3.5, 7), st.floats(40, 90))
def test_it_agrees_with_the_integral_far_out(mean: float, size: float, deviations: float) -> None:
    n = 10**size
    x = mean + deviations * (mean * (1 - mean) / n) ** 0.5
    if x < 0.99:
        assert log_tail(x, mean * n, (1 - mean) * n) == pytest.approx(
            by_quadrature(x, mean * n, (1 - mean) * n), rel=1e-9
        )


@pytest.mark.parametrize(("x", "a", "b"), [(0.6, 300.0, 280.0), (0.02, 5.0, 1_000.0), (0.9, 3.0, 1.0)])
def test_both_ways_meet(monkeypatch: pytest.MonkeyPatch, x: float, a: float, b: float) -> None:
    direct = log_tail(x, a, b)
    monkeypatch.setattr(conversions, "SMALLEST", 2.0)
    assert log_tail(x, a, b) == pytest.approx(direct, rel=1e-9)


@given(st.floats(-3, 18), st.integers(0, 2_000))
def test_it_is_the_logarithm_of_its_product(size: float, k: int) -> None:
    a = 10**size
    assert log_rise(a, k) == pytest.approx(fsum(log1p(i / a) for i in range(k)), rel=1e-11, abs=1e-11)


@given(st.floats(0.1, 1e4), st.floats(0, 1e6))
def test_it_agrees_with_the_gamma_function(a: float, k: float) -> None:
    assert log_rise(a, k) == pytest.approx(lgamma(a + k) - lgamma(a) - k * log(a), rel=1e-10, abs=1e-8)


def test_both_ways_to_the_rising_factorial_meet() -> None:
    below, above = log_rise(31.999999999, 500.0), log_rise(32.000000001, 500.0)
    assert below == pytest.approx(above, abs=1e-6)
