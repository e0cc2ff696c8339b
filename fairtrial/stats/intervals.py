"""Intervals of a proportion and of the difference of two on the same cases, binomial tails, and membership tests."""

from dataclasses import dataclass
from math import ceil, comb, exp, floor, inf, log, log1p, sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_CONTROLS
from fairtrial.stats.arguments import Floats, check_level, upper_share

__all__ = ["clopper_pearson", "enumerated_p", "tango", "tpr_at_fpr", "wilson"]

NEGLIGIBLE = 1e-18
"""The sum ends at a term that is smaller than this share of it."""


EDGE = 1e-12
"""How close to the ends of the possible range the roots are searched."""
TIE = 1e-9
REACH = 9
"""Standard deviations beyond which an outcome is too rare to count: about 1e-18."""


def quantile(level: float) -> float:
    """The normal quantile of a two-sided interval with this level: 1.96 for 0.95."""
    return float(scipy.special.ndtri(upper_share(level)))


def unseen_share(n: int, level: float) -> float:
    """The largest plausible share of a kind that none of ``n`` cases showed: z²/(n + z²), Wilson's bound for 0 of n."""
    z2 = quantile(level) ** 2
    return z2 / (n + z2)


def wilson(successes: int, n: int, *, level: float = 0.95) -> Estimate | NotEnough:
    """Wilson's score interval for a proportion, in [0, 1].

    Returns `NotEnough` without cases. Raises `ValueError` for ``successes`` that can't be among ``n``.

    Source: Wilson (1927), JASA 22:209-212; recommended by Brown, Cai & DasGupta (2001), Stat. Sci. 16:101-133.

    >>> print(wilson(81, 263))
    0.308 (0.2553 to 0.3662; 95 %, n = 263, Wilson)
    """
    check_level(level)
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes can't be among {n} cases")
    if n == 0:
        return NotEnough("no case is scored", "one scored case or more")
    z, p = quantile(level), successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return Estimate(p, low, high, level, n, "Wilson")


def at_least(least: int, n: int, share: float) -> float:
    """The probability of at least ``least`` successes in ``n`` trials that each succeed with probability ``share``.

    >>> at_least(6, 6, 0.5)
    0.015625
    """
    if least <= 0:
        return 1.0
    if least > n or share <= 0:
        return 0.0
    if least <= n * share:  # sum the smaller tail, because the terms fall from its beginning
        return 1.0 - at_least(n - least + 1, n, 1 - share)
    term = total = exactly(least, n, share)
    odds = share / (1 - share)
    for successes in range(least, n):
        term *= (n - successes) / (successes + 1) * odds
        total += term
        if term < NEGLIGIBLE * total:
            break
    return total


def exactly(successes: int, n: int, share: float) -> float:
    """The probability of exactly this many successes; ``share`` lies between 0 and 1.

    >>> exactly(1, 4, 0.5)
    0.25
    """
    ways = comb(n, successes)
    if share == 0.5:
        return ways / (1 << n)
    return exp(log(ways) + successes * log(share) + (n - successes) * log1p(-share))


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> Estimate | NotEnough:
    """The exact interval for a proportion, which never covers less often than its level says.

    Use it where an error must not exceed its level even for few cases. `wilson` is shorter, and right on average.
    Returns `NotEnough` without cases.

    Source: Clopper & Pearson (1934), Biometrika 26:404-413.

    >>> print(clopper_pearson(9, 10))
    0.9 (0.555 to 0.9975; 95 %, n = 10, Clopper-Pearson)
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes can't be among {n} cases")
    if n == 0:
        return NotEnough("no case is scored", "one scored case or more")
    upper = upper_share(level)
    low = 0.0 if successes == 0 else float(scipy.special.betaincinv(successes, n - successes + 1, 1 - upper))
    high = 1.0 if successes == n else float(scipy.special.betaincinv(successes + 1, n - successes, upper))
    return Estimate(successes / n, low, high, level, n, "Clopper-Pearson")


@dataclass(frozen=True, slots=True)
class TprAtFpr:
    """The share of members that score above a threshold, and that of controls, each with its exact interval."""

    threshold: float
    tpr: Estimate
    fpr: Estimate

    @property
    def detected(self) -> bool:
        """Whether members are proven to exceed the threshold more often than controls: the intervals do not overlap."""
        return self.tpr.low > self.fpr.high


def tpr_at_fpr(
    members: Floats, controls: Floats, *, fpr: float = 0.01, level: float = 0.95, minimum: int = MIN_CONTROLS
) -> TprAtFpr | NotEnough:
    """The true-positive rate at the lowest threshold that at most ``fpr`` of the controls exceed.

    A higher score means a more likely member. Averages hide a few texts that are certainly remembered; the rate at few
    false alarms shows them. The threshold comes from the same controls, so the rate at new ones can be higher;
    the upper end of ``fpr``'s interval says by how much. Returns `NotEnough` below ``minimum`` controls.

    Source: Carlini et al. (2022), "Membership Inference Attacks From First Principles", IEEE S&P.

    >>> import numpy as np
    >>> found = tpr_at_fpr(np.array([0.9] * 15 + [0.1] * 5), np.linspace(0, 0.5, 200))
    >>> print(found.tpr)
    0.75 (0.509 to 0.9134; 95 %, n = 20, Clopper-Pearson)
    """
    if len(controls) < minimum:
        return NotEnough(
            f"{len(controls)} controls cannot show a false-positive rate of {100 * fpr:g} %",
            f"{minimum} controls or more",
            len(controls),
        )
    ranked = np.sort(np.asarray(controls, dtype=np.float64))[::-1]
    threshold = float(ranked[int(fpr * len(ranked))])
    above = [int(np.count_nonzero(np.asarray(scores) > threshold)) for scores in (members, controls)]
    tpr = clopper_pearson(above[0], len(members), level=level)
    false = clopper_pearson(above[1], len(controls), level=level)
    if isinstance(tpr, NotEnough) or isinstance(false, NotEnough):
        return NotEnough("no member is scored", "one scored member or more", len(controls))
    return TprAtFpr(threshold, tpr, false)


def tango(won: int, lost: int, n: int, *, level: float = 0.90) -> Estimate | NotEnough:
    """The difference (won − lost) / n of two paired proportions, in [−1, 1], with its score interval.

    ``won`` counts cases that only the first passed, ``lost`` those that only the second passed, and ``n`` all cases.
    Each bound of the two-sided level 0.90 is a one-sided 95 % bound, which is what non-inferiority uses. Without any
    discordant case, the bounds are ±z²/(n + z²), never 0. Returns `NotEnough` without a case, and raises `ValueError`
    for counts that are impossible.

    Source: Tango (1998), Statistics in Medicine 17:891-908, equations 24-26.

    >>> print(tango(won=0, lost=1, n=44))
    -0.02273 (-0.09566 to 0.03652; 90 %, n = 44, Tango score interval, paired)
    """
    if not (won >= 0 and lost >= 0 and won + lost <= n):
        raise ValueError(f"{won} won and {lost} lost can't be among {n} cases")
    if n == 0:
        return NotEnough("no case is scored on both sides", "one pair of scored cases or more")
    low, high = score_bounds(won, lost, n, z=quantile(level))
    return Estimate((won - lost) / n, low, high, level, n, "Tango score interval, paired")


def score_bounds(won: float, lost: float, n: float, *, z: float) -> tuple[float, float]:
    """Tango's two bounds of (won − lost) / n at the quantile ``z``; an effective sample size need not be whole."""
    point = (won - lost) / n
    low = -1.0 if lost >= n else _root(won, lost, n, target=z, between=(-1 + EDGE, point))
    high = 1.0 if won >= n else _root(won, lost, n, target=-z, between=(point, 1 - EDGE))
    return low, high


def enumerated_p(won: int, lost: int, n: int, delta: float) -> float:
    """The p-value of "the true difference is not further from 0 than ``delta``", by enumerating all outcomes.

    ``delta`` is not 0. Many losses are evidence if it is below 0, and many wins if it is above. The value is the
    probability of a score that is at least as extreme, at the most likely distribution whose difference is ``delta``.
    The score's normal p errs in up to 8.8 % on this side, because discordant cases are few and skewed. By enumeration
    of 28 to 400 cases and margins of 2 to 15 points, this p is at most 0.05 in at most 5.4 %.

    Source: Lloyd (2008), Biometrics 64:716-723, for the p at the estimate of the nuisance parameter.

    >>> round(enumerated_p(won=0, lost=13, n=149, delta=-0.05), 4)
    0.0368
    """
    if delta > 0:
        won, lost, delta = lost, won, -delta
    rate = _restricted(lost, won, n, -delta)
    observed = tango_score(won, lost, n, delta) + TIE
    wins, losses = _likely(n, rate), _likely(n, rate - delta)
    needed, least = lost, np.empty(len(wins), dtype=np.int64)
    for at, wins_here in enumerate(wins.tolist()):
        # The score falls with each loss, so the boundary moves by about one loss for each win.
        while needed <= n - wins_here and tango_score(wins_here, needed, n, delta) > observed:
            needed += 1
        while needed > 0 and tango_score(wins_here, needed - 1, n, delta) <= observed:
            needed -= 1
        least[at] = needed
    rest = n - wins[:, np.newaxis] - losses
    ways = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    chance = ways[n] - ways[wins][:, np.newaxis] - ways[losses] - ways[np.maximum(rest, 0)]
    for counts, share in ((wins[:, np.newaxis], rate), (losses, rate - delta), (rest, 1 - 2 * rate + delta)):
        chance += counts * log(share) if share > 0 else np.where(counts > 0, -inf, 0.0)
    return float(np.exp(chance[(losses >= least[:, np.newaxis]) & (rest >= 0)]).sum())


def _likely(n: int, share: float) -> NDArray[np.int64]:
    """The counts out of ``n`` that are not too rare to matter."""
    spread = REACH * sqrt(n * share * (1 - share)) + REACH
    return np.arange(max(0, floor(n * share - spread)), (min(n, ceil(n * share + spread)) if share > 0 else 0) + 1)


def tango_score(won: float, lost: float, n: float, delta: float) -> float:
    """The score statistic of the hypothesis that the true difference is ``delta``: about N(0, 1) under it.

    The variance is taken at the maximum likelihood under the hypothesis, whose closed form is equation 25.
    """
    if delta < 0:
        return -tango_score(lost, won, n, -delta)
    variance = n * (2 * _restricted(won, lost, n, delta) + delta * (1 - delta))
    distance = won - lost - n * delta
    if variance <= 0:
        return 0.0 if distance == 0 else inf if distance > 0 else -inf
    return distance / sqrt(variance)


def _restricted(won: float, lost: float, n: float, delta: float) -> float:
    """The most likely probability of a loss if the true difference is ``delta``, which is 0 or more."""
    a = 2.0 * n
    b = -won - lost + (2 * n - won + lost) * delta
    c = -lost * delta * (1 - delta)
    root = sqrt(max(b * b - 4 * a * c, 0.0))
    # Both expressions are the same root; each avoids subtracting two nearly equal numbers in its case.
    return -2 * c / (root + b) if b > 0 else (root - b) / (2 * a)


def _root(won: float, lost: float, n: float, *, target: float, between: tuple[float, float]) -> float:
    """Where the statistic, which falls with the difference, equals the target."""
    low, high = between

    def above(delta: float) -> float:
        return max(-1e9, min(1e9, tango_score(won, lost, n, delta))) - target

    if above(low) <= 0:
        return low
    return high if above(high) >= 0 else float(scipy.optimize.brentq(above, low, high, xtol=1e-13))
