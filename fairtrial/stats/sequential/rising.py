"""ln a(a + 1)…(a + k − 1) − k ln a: the evidence of k events under a prior of size a, exact even for huge a or k."""

from __future__ import annotations

from math import lgamma, log, log1p

__all__: list[str] = []

SMALL = 32.0
"""Above this, four terms of Stirling's series are exact to 1e-13."""


def log_rise(a: float, k: float) -> float:
    """ln Γ(a + k) − ln Γ(a) − k ln a for a > 0 and k ≥ 0, without subtracting huge numbers.

    Source: Abramowitz & Stegun (1964), 6.1.40, Stirling's series.

    >>> round(log_rise(1.0, 4), 6), log_rise(1e15, 3) < 1e-13
    (3.178054, True)
    """
    if a < SMALL:
        return lgamma(a + k) - lgamma(a) - k * log(a)
    x = k / a
    return (a + k - 0.5) * log1p(x) - k + _correction(a + k) - _correction(a)


def _correction(x: float) -> float:
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / x**2) / x**2) / x**2) / x
