"""Tests of two sides on the same cases: McNemar's test, non-inferiority and equivalence."""

from dataclasses import dataclass
from math import ceil, inf, sqrt

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Answer, Estimate, NotEnough
from fairtrial.stats.effects import Effect, fixed, no_spread
from fairtrial.stats.intervals import at_least, exactly, quantile
from fairtrial.stats.sizes import ALPHA, POWER, cases_for_margin

__all__ = [
    "Equivalence",
    "NonInferiority",
    "classify_interval",
    "equivalent",
    "exact",
    "exact_one_sided",
    "mid_p",
    "non_inferior",
]

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


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """The answer to "not worse by ``margin``?", where higher is better.

    ``excluded`` is the loss that the interval rules out: its lower bound, which is negative if it may be worse.
    ``detectable`` is the smallest loss that this many units exclude with 80 % probability if there is no true
    difference. ``needed`` is about how many more units would settle the question: 0 if it is settled, ``None`` where no
    number of them would.

    >>> print(NonInferiority("cannot tell", margin=0.02, excluded=-0.03, detectable=0.025, needed=410))
    cannot tell: at most 0.03 worse, margin 0.02; 410 more would settle it (so many can exclude 0.025)
    """

    answer: Answer
    margin: float
    excluded: float
    detectable: float
    needed: int | None

    def __str__(self) -> str:
        known = f"at most {-self.excluded:.4g} worse" if self.excluded < 0 else f"at least {self.excluded:.4g} better"
        answer = f"{self.answer}: {known}, margin {self.margin:.4g}"
        if self.answer != "cannot tell":
            return answer
        more = "no number of cases settles it" if self.needed is None else f"{self.needed:,} more would settle it"
        return f"{answer}; {more} (so many can exclude {self.detectable:.4g})"


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether the difference is within ±``margin``, with ``p`` of the two one-sided tests and ``interval`` at 1 − 2 α.

    >>> found = equivalent(Effect(value=0.01, variance=0.0001, n=50, method="mean", freedom=49), margin=0.04)
    >>> found.same
    True
    """

    same: bool
    margin: float
    p: float
    interval: Estimate


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
    low, high = difference.low, difference.high
    if not more_is_better:
        low, high = -high, -low
    if low > 0:
        return "better"
    if high < -margin:
        return "worse"
    return "not worse" if margin > 0 and low > -margin else "cannot tell"


def non_inferior(
    difference: Estimate | NotEnough, *, margin: float, variance: float, more_is_better: bool = True, span: float = 1.0
) -> NonInferiority | NotEnough:
    """Whether new is not worse than old by ``margin``, from the interval of new − old, and what would decide it.

    ``margin`` is above 0. ``variance`` is that of one unit's difference. For 0/1 cases it is the discordant share minus
    the squared difference; for an `Effect` it is its variance times n. ``span`` is the largest difference that one unit
    could show, which is used if none differed. The answer is that of `classify_interval`. The number of units needed
    has 80 % power at one-sided 5 %. It assumes no true difference, or the observed one if that many units are there
    already. Returns `NotEnough` without an estimate.

    Source: Blackwelder (1982), Controlled Clinical Trials 3:345-353; Nam (1997), Biometrics 53:1422-1430, for sizes.

    >>> from fairtrial.stats.intervals import tango
    >>> print(non_inferior(tango(8, 12, 200), margin=0.05, variance=0.0996))
    cannot tell: at most 0.05935 worse, margin 0.05; 47 more would settle it (so many can exclude 0.05549)
    """
    if not 0 < margin < inf:
        raise ValueError(f"the margin must be a number above 0, not {margin}")
    if not (0 <= variance < inf and 0 < span < inf):
        raise ValueError(f"the variance must be 0 or more, not {variance}, and the span above 0, not {span}")
    if isinstance(difference, NotEnough):
        return difference
    answer = classify_interval(difference, margin=margin, more_is_better=more_is_better)
    sign, n = (1 if more_is_better else -1), difference.n
    excluded = difference.low if more_is_better else -difference.high
    quantiles = float(scipy.special.ndtri(1 - ALPHA)) + float(scipy.special.ndtri(POWER))
    detectable = quantiles * sqrt(variance / n) if variance > 0 else -excluded
    total = None
    if answer == "cannot tell":
        total = cases_to_decide(sign * difference.value, -margin, variance=variance, n=n, span=span)
    needed = 0 if answer != "cannot tell" else None if total is None else max(total - n, 1)
    return NonInferiority(answer, margin, excluded, detectable, needed)


def equivalent(effect: Effect | NotEnough, *, margin: float, alpha: float = 0.05) -> Equivalence | NotEnough:
    """Two one-sided tests of "the difference is ``margin`` or more in either direction", for one planned look.

    ``effect`` is of pairs (`clustered_effect`) or of two arms. ``margin`` is above 0, on its scale. ``p`` is the larger
    of the two p-values. The sides are the same at ``alpha`` exactly where the interval of level 1 − 2 α lies within
    ±margin. Returns `NotEnough` where there is no effect or no spread.

    Source: Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15:657-680.

    >>> found = equivalent(Effect(value=0.01, variance=0.0001, n=50, method="mean", freedom=49), margin=0.03)
    >>> print(f"{found.same}, p {found.p:.4f}: {found.interval}")
    True, p 0.0255: 0.01 (-0.006766 to 0.02677; 90 %, n = 50, mean)
    """
    if not (0 < margin < inf and 0 < alpha < 0.5):
        raise ValueError(f"the margin must be above 0, not {margin}, and α between 0 and 0.5, not {alpha}")
    if isinstance(effect, NotEnough):
        return effect
    interval = fixed(effect, level=1 - 2 * alpha)
    if isinstance(interval, NotEnough):
        return no_spread(effect)
    p = float(scipy.special.stdtr(effect.freedom, (abs(effect.value) - margin) / sqrt(effect.variance)))
    return Equivalence(p < alpha, margin, p, interval)


def cases_to_decide(value: float, limit: float, *, variance: float, n: int, span: float = 1.0) -> int | None:
    """How many cases in total show on which side of ``limit`` the difference is; ``None`` if it equals the limit.

    ``value`` is the difference observed in ``n`` cases, where more is better. ``variance`` is that of one case's
    difference. If it is 0, the answer is how many cases without any difference exclude one of the limit's size, as a
    share of ``span``.

    If ``limit`` is negative and the difference is above it, the answer first assumes no true difference. If that many
    cases are there already, and in every other situation, it assumes exactly the observed difference.
    """
    apart = abs(value - limit)
    distance = abs(limit) if limit < 0 and value > limit else apart
    if distance == 0:
        return None
    total = cases_for_margin(variance, distance) if variance else _unseen(distance / span)
    if total <= n and value != limit:
        total = cases_for_margin(max(variance, 1e-9), apart)
    return total


def _unseen(share: float) -> int:
    """How many cases without any difference exclude one with this share: z²/(n + z²) < share."""
    z2 = quantile(0.90) ** 2
    return ceil(z2 * (1 - share) / share) + 1 if share < 1 else 1
