"""McNemar's test: whether more cases flipped one way than the other."""

from __future__ import annotations

from scipy.stats import binom

from fairtrial.domain.estimates import NotEnough

__all__ = ["exact", "exact_one_sided", "mid_p"]

NO_FLIP = NotEnough("no case flipped", "a case that only one side passed")


def exact(won: int, lost: int) -> float | NotEnough:
    """The exact two-sided p: the binomial test of ``won`` among the flips; `NotEnough` without a flip,
    `ValueError` below 0.

    ``won``, ``lost``: cases that only the first and that only the second passed.

    Source: McNemar (1947), Psychometrika 12:153-157.

    >>> print(f"{exact(won=86, lost=150):.3e}")
    3.716e-05
    """
    flips = _flips(won, lost)
    if flips == 0:
        return NO_FLIP
    return min(1.0, 2 * float(binom.cdf(min(won, lost), flips, 0.5)))


def exact_one_sided(more: int, fewer: int) -> float:
    """The chance of ``more`` or even more among the flips, if each goes either way with equal chance; 1 without a flip.

    Source: McNemar (1947), Psychometrika 12:153-157.

    >>> round(exact_one_sided(more=6, fewer=0), 4)
    0.0156
    """
    flips = _flips(more, fewer)
    return float(binom.sf(more - 1, flips, 0.5)) if flips else 1.0


def mid_p(won: int, lost: int) -> float | NotEnough:
    """The mid-p version: exact less the probability of what was seen, which is less conservative.

    ``won``, ``lost`` and `NotEnough` as in `exact`; where as many were won as lost, 1 less half that probability.

    Source: Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91.

    >>> print(f"{mid_p(won=6, lost=16):.4f}")
    0.0347
    """
    flips = _flips(won, lost)
    if flips == 0:
        return NO_FLIP
    if won == lost:
        return 1.0 - 0.5 * float(binom.pmf(won, flips, 0.5))
    fewer = min(won, lost)
    return 2 * float(binom.cdf(fewer, flips, 0.5)) - float(binom.pmf(fewer, flips, 0.5))


def _flips(won: int, lost: int) -> int:
    if not (won >= 0 and lost >= 0):
        raise ValueError(f"{won} won and {lost} lost are no counts of cases")
    return won + lost
