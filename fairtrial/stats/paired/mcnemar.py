"""McNemar's test: whether more cases changed in one direction than in the other."""

from __future__ import annotations

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.binomial import at_least, exactly

__all__ = ["exact", "exact_one_sided", "mid_p"]

NO_FLIP = NotEnough("no case flipped", "a case that only one side passed")


def exact(won: int, lost: int) -> float | NotEnough:
    """The exact two-sided p-value: the binomial test of ``won`` among the flips.

    ``won`` and ``lost`` count the cases that only the first and that only the second passed. Returns `NotEnough`
    without a flip, and raises `ValueError` for counts below 0.

    Source: McNemar (1947), Psychometrika 12:153-157.

    >>> print(f"{exact(won=86, lost=150):.3e}")
    3.716e-05
    """
    flips = _flips(won, lost)
    if flips == 0:
        return NO_FLIP
    return min(1.0, 2 * at_least(max(won, lost), flips, 0.5))


def exact_one_sided(more: int, fewer: int) -> float:
    """The probability of at least ``more`` changes in one direction if both are equally likely; 1 without a change.

    Source: McNemar (1947), Psychometrika 12:153-157.

    >>> round(exact_one_sided(more=6, fewer=0), 4)
    0.0156
    """
    flips = _flips(more, fewer)
    return at_least(more, flips, 0.5) if flips else 1.0


def mid_p(won: int, lost: int) -> float | NotEnough:
    """The mid-p version of `exact`, which subtracts the probability of the observed value and is less conservative.

    ``won``, ``lost`` and `NotEnough` are as in `exact`. If ``won`` equals ``lost``, the result is 1 minus half that
    probability.

    Source: Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91.

    >>> print(f"{mid_p(won=6, lost=16):.4f}")
    0.0347
    """
    flips = _flips(won, lost)
    if flips == 0:
        return NO_FLIP
    if won == lost:
        return 1.0 - 0.5 * exactly(won, flips, 0.5)
    more = max(won, lost)
    return 2 * at_least(more, flips, 0.5) - exactly(more, flips, 0.5)


def _flips(won: int, lost: int) -> int:
    if not (won >= 0 and lost >= 0):
        raise ValueError(f"counts of cases must be 0 or more, not {won} won and {lost} lost")
    return won + lost
