"""The logarithm of a rising factorial: against its own product and against the gamma function."""

from math import fsum, lgamma, log, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.sequential.conversions import log_rise


@given(st.floats(-3, 18), st.integers(0, 2_000))
def test_it_is_the_logarithm_of_its_product(size: float, k: int) -> None:
    a = 10**size
    assert log_rise(a, k) == pytest.approx(fsum(log1p(i / a) for i in range(k)), rel=1e-11, abs=1e-11)


@given(st.floats(0.1, 1e4), st.floats(0, 1e6))
def test_it_agrees_with_the_gamma_function(a: float, k: float) -> None:
    assert log_rise(a, k) == pytest.approx(lgamma(a + k) - lgamma(a) - k * log(a), rel=1e-10, abs=1e-8)


def test_both_ways_meet() -> None:
    below, above = log_rise(31.999999999, 500.0), log_rise(32.000000001, 500.0)
    assert below == pytest.approx(above, abs=1e-6)
