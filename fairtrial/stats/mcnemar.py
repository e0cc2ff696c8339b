"""McNemar's test: whether more cases flipped one way than the other."""

from __future__ import annotations

from scipy.stats import binom

from fairtrial.domain.estimates import NotEnough

NO_FLIP = NotEnough("no case flipped", "a case that only one side passed")


def exact(won: int, lost: int) -> float | NotEnough:
    """The exact two-sided p: the binomial test of ``won`` among the flips; `NotEnough` without a flip.

    Source: McNemar (1947), Psychometrika 12:153-157.
    """
    flips = won + lost
    if flips == 0:
        return NO_FLIP
    return min(1.0, 2 * float(binom.cdf(min(won, lost), flips, 0.5)))


def mid_p(won: int, lost: int) -> float | NotEnough:
    """The mid-p version: exact less half the probability of what was seen, which is less conservative.

    Source: Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91.
    """
    flips = won + lost
    if flips == 0:
        return NO_FLIP
    if won == lost:
        return 1.0 - 0.5 * float(binom.pmf(won, flips, 0.5))
    fewer = min(won, lost)
    return 2 * float(binom.cdf(fewer, flips, 0.5)) - float(binom.pmf(fewer, flips, 0.5))
