"""Tests of two sides on the same cases: McNemar's test, and what an interval says about a margin."""

from math import inf

from fairtrial.domain.estimates import Answer, Estimate, NotEnough
from fairtrial.stats.intervals import at_least, exactly

__all__ = ["classify_interval", "exact", "exact_one_sided", "mid_p"]

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
    return NO_FLIP if flips == 0 else min(1.0, 2 * at_least(max(won, lost), flips, 0.5))


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


def classify_interval(difference: Estimate | NotEnough, *, margin: float = 0.0, more_is_better: bool = True) -> Answer:
    """Classifies an interval of new − old: better, not worse by ``margin``, worse by more than that, or undecided.

    ``margin`` is on the difference's scale, 0 or more. Any interval will do: Tango's, a clustered t, a bootstrap's or
    an always-valid one. Each of its bounds is read as one-sided, so level 0.90 errs in 5 %. "Better" means that it is
    wholly above 0, "not worse" wholly above −margin, and "worse" wholly below −margin. Otherwise, and where there is no
    estimate, the answer is "cannot tell".

    Source: Blackwelder (1982), Controlled Clinical Trials 3:345-353.

    >>> from fairtrial.stats.intervals import tango
    >>> classify_interval(tango(0, 1, 44), margin=0.1)
    'not worse'
    """
    if not 0 <= margin < inf:
        raise ValueError(f"the margin must be a number of 0 or more, not {margin}")
    if isinstance(difference, NotEnough):
        return "cannot tell"
    low, high = (difference.low, difference.high) if more_is_better else (-difference.high, -difference.low)
    if low > 0:
        return "better"
    return "worse" if high < -margin else "not worse" if margin > 0 and low > -margin else "cannot tell"
