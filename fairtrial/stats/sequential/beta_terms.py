"""Logarithms of the terms of beta mixtures, even where these are too small or too large for a float."""

from __future__ import annotations

from math import lgamma, log, log1p

import scipy  # its `special` loads at its first use, because it is slow to load

__all__: list[str] = []

SMALL = 32.0
"""Above this, four terms of Stirling's series are exact to 1e-13."""
SMALLEST = 1e-250
"""A smaller tail is computed from its continued fraction, which converges fast there."""
MOST_STEPS = 20_000
TINY = 1e-300
PRECISION = 1e-14


def log_tail(x: float, a: float, b: float) -> float:
    """ln P(θ > x) for θ ~ Beta(a, b) and 0 < x < 1; finite however far out in the tail x is.

    Source: Abramowitz & Stegun (1964), 26.5.8, the continued fraction of the incomplete beta function, by the method
    of Lentz (1976), Appl. Opt. 15:668-671.

    >>> round(log_tail(0.9, 1.0, 3.0), 4), round(log_tail(0.9, 100.0, 900.0), 1)
    (-6.9078, -1763.1)
    """
    tail = float(scipy.special.betaincc(a, b, x))
    if tail > SMALLEST:
        return log(tail)
    y, p, r = 1 - x, b, a  # P(θ > x) = I_{1-x}(b, a)
    return p * log(y) + r * log1p(-y) - log(p) - float(scipy.special.betaln(p, r)) + log(_fraction(y, p, r))


def _fraction(y: float, p: float, r: float) -> float:
    """1 / (1 + d₁/(1 + d₂/(1 + …))) of I_y(p, r), for y below the mean p/(p + r)."""
    c, d = 1.0, 1 / _away(1 - (p + r) * y / (p + 1))
    value = d
    for m in range(1, MOST_STEPS):
        even = m * (r - m) * y / ((p + 2 * m - 1) * (p + 2 * m))
        d, c = 1 / _away(1 + even * d), _away(1 + even / c)
        value *= d * c
        odd = -(p + m) * (p + r + m) * y / ((p + 2 * m) * (p + 2 * m + 1))
        d, c = 1 / _away(1 + odd * d), _away(1 + odd / c)
        value *= d * c
        if abs(d * c - 1) < PRECISION:
            break
    return value


def _away(x: float) -> float:
    """Avoids division by 0."""
    return x if abs(x) > TINY else TINY


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
