"""Not worse, better, the same: what an interval says beside a margin, and what would settle what it can't say."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, sqrt

from scipy.special import ndtri, stdtr

from fairtrial.domain.estimates import Answer, Estimate, NotEnough
from fairtrial.stats.effects import Effect, fixed, no_spread
from fairtrial.stats.intervals import quantile
from fairtrial.stats.sizes import ALPHA, POWER, cases_for_margin

__all__ = ["Equivalence", "NonInferiority", "answer_to", "equivalent", "non_inferior"]


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """The answer to "not worse by ``margin``?", with more always better.

    ``excluded``: the loss that the interval rules out (its lower bound, negative if it may be worse); ``detectable``:
    the smallest loss that so many units exclude with 80 % chance if there is no true difference; ``needed``: about how
    many more units would settle it, 0 if it is settled, ``None`` where no number of them would.

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
        said = f"{self.answer}: {known}, margin {self.margin:.4g}"
        if self.answer != "cannot tell":
            return said
        more = "no number of cases settles it" if self.needed is None else f"{self.needed:,} more would settle it"
        return f"{said}; {more} (so many can exclude {self.detectable:.4g})"


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether the difference is within ±``margin``: ``p`` of the two one-sided tests, ``interval`` at 1 − 2 α.

    >>> found = equivalent(Effect(value=0.01, variance=0.0001, n=50, method="mean", freedom=49), margin=0.04)
    >>> found.same
    True
    """

    same: bool
    margin: float
    p: float
    interval: Estimate


def answer_to(difference: Estimate | NotEnough, *, margin: float = 0.0, more_is_better: bool = True) -> Answer:
    """What an interval of new − old says: better, not worse by ``margin``, worse by more than it, or cannot tell.

    ``margin`` on the difference's scale, 0 or more. Any interval will do (Tango's, a clustered t, a bootstrap's, an
    always-valid one); its bounds are each read as one-sided, so that level 0.90 errs in 5 %. Better: wholly above 0.
    Not worse: wholly above −margin. Worse: wholly below −margin. "Cannot tell" also where there is no estimate.

    Source: Blackwelder (1982), Controlled Clinical Trials 3:345-353.

    >>> from fairtrial.stats.paired.tango import tango
    >>> answer_to(tango(0, 1, 44), margin=0.1)
    'not worse'
    """
    if not 0 <= margin < inf:
        raise ValueError(f"a margin of {margin} asks for nothing: it is a number from 0 on")
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
    """Whether new is not worse than old by ``margin``, by the interval of new − old, and what would settle it.

    ``margin``: above 0; ``variance`` of one unit's difference: for 0/1 cases the discordant share less the difference
    squared, for an `Effect` its variance times n; ``span``: the largest difference that one unit could show, for when
    none differed. The answer is `answer_to`'s. What is needed has 80 % power at one-sided 5 %: first if there is no
    true difference, then, where so many are there already, if it is what was seen. `NotEnough` where there is no
    estimate.

    Source: Blackwelder (1982), Controlled Clinical Trials 3:345-353; Nam (1997), Biometrics 53:1422-1430, for sizes.

    >>> from fairtrial.stats.paired.tango import tango
    >>> print(non_inferior(tango(8, 12, 200), margin=0.05, variance=0.0996))
    cannot tell: at most 0.05935 worse, margin 0.05; 47 more would settle it (so many can exclude 0.05549)
    """
    if not 0 < margin < inf:
        raise ValueError(f"not worse by {margin} is no question: a margin is above 0")
    if not (0 <= variance < inf and 0 < span < inf):
        raise ValueError(f"a variance of {variance} and a span of {span} make no sense")
    if isinstance(difference, NotEnough):
        return difference
    answer = answer_to(difference, margin=margin, more_is_better=more_is_better)
    sign, n = (1 if more_is_better else -1), difference.n
    excluded = difference.low if more_is_better else -difference.high
    detectable = (float(ndtri(1 - ALPHA)) + float(ndtri(POWER))) * sqrt(variance / n) if variance > 0 else -excluded
    total = None
    if answer == "cannot tell":
        total = cases_to_settle(sign * difference.value, -margin, variance=variance, n=n, span=span)
    needed = 0 if answer != "cannot tell" else None if total is None else max(total - n, 1)
    return NonInferiority(answer, margin, excluded, detectable, needed)


def equivalent(effect: Effect | NotEnough, *, margin: float, alpha: float = 0.05) -> Equivalence | NotEnough:
    """Two one-sided tests of "the difference is ``margin`` or more, one way or the other", for one planned look.

    ``effect`` of pairs (`clustered_effect`) or of two arms; ``margin`` above 0 on its scale. ``p`` is the larger of
    both; the same at ``alpha`` just where the interval of level 1 − 2 α lies within ±margin. `NotEnough` where there
    is no effect or no spread.

    Source: Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15:657-680.

    >>> found = equivalent(Effect(value=0.01, variance=0.0001, n=50, method="mean", freedom=49), margin=0.03)
    >>> print(f"{found.same}, p {found.p:.4f}: {found.interval}")
    True, p 0.0255: 0.01 (-0.006766 to 0.02677; 90 %, n = 50, mean)
    """
    if not (0 < margin < inf and 0 < alpha < 0.5):
        raise ValueError(f"the same within {margin} at α = {alpha} is no question: above 0, and α below one half")
    if isinstance(effect, NotEnough):
        return effect
    interval = fixed(effect, level=1 - 2 * alpha)
    if isinstance(interval, NotEnough):
        return no_spread(effect)
    p = float(stdtr(effect.freedom, (abs(effect.value) - margin) / sqrt(effect.variance)))
    return Equivalence(p < alpha, margin, p, interval)


def cases_to_settle(value: float, limit: float, *, variance: float, n: int, span: float = 1.0) -> int | None:
    """How many cases in all would tell on which side of ``limit`` the difference lies; ``None`` if it lies on it.

    ``value``: the difference seen in ``n`` cases, more being better; ``variance`` of one case's difference; where it is
    0, the cases without any difference that exclude one of the limit's share of ``span``. For a negative limit that
    the difference is above, what is needed if there is no true difference; if so many are there already, or else,
    what is needed if it is just what was seen.
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
    """Cases without any difference that exclude one of this share: z²/(n + z²) < share."""
    z2 = quantile(0.90) ** 2
    return ceil(z2 * (1 - share) / share) + 1 if share < 1 else 1
