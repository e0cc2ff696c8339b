"""The preference in blind votes as a deviation from one half, which can be monitored while votes arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.effects import MIN_UNITS, Effect
from fairtrial.stats.paired.clustered import Floats, cluster_sums
from fairtrial.stats.review.crossed import crossed_mean
from fairtrial.stats.review.preference import require_votes
from fairtrial.stats.sums import JointMoments

__all__ = ["preference_effect", "preference_effect_of_sums", "preference_sums"]

EVEN = 0.5
MIN_PAIRS = 2
MIN_REVIEWERS = 10
"""Three reviewers or more are clusters. Below ten, their variance is too uncertain for repeated looks."""


def preference_sums(values: Floats, items: Sequence[str]) -> JointMoments:
    """Sufficient statistics of votes: x, the sum of a pair's votes, and y, their number, over the pairs.

    ``values`` are 1 for the candidate, 0 for the baseline, ½ for a tie; ``items`` names the pair of each vote. Sums of
    different pairs add. All votes of one pair must be in the same sums.

    Source: Liang & Zeger (1986), Biometrika 73:13-22, for the pair as the unit.

    >>> preference_sums(np.array([1.0, 0.5, 0.0]), ["a", "a", "b"])
    JointMoments(n=2, x=1.5, y=3.0, xx=2.25, yy=5.0, xy=3.0)
    """
    require_votes(values)
    return JointMoments.of(cluster_sums(values, items), cluster_sums(np.ones(len(values)), items))


def preference_effect_of_sums(sums: JointMoments) -> Effect | NotEnough:
    """(W + T/2)/n − ½ from the sums of `preference_sums`, with its variance by pair.

    The effect is above 0 if the candidate is preferred. Returns `NotEnough` below two pairs. Below thirty pairs the
    effect is ``not_yet`` ready, so that no look decides. Raises `ValueError` for sums that no votes can have. To
    monitor it, use `always_valid` with ``tau`` = 0.05 (five points).

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336, the delta method for a ratio of sums by unit.

    >>> sums = preference_sums(np.array([1.0] * 40 + [0.5] * 20 + [0.0] * 10), [str(i) for i in range(70)])
    >>> effect = preference_effect_of_sums(sums)
    >>> round(effect.value, 4), round(effect.variance, 6), effect.n
    (0.2143, 0.001923, 70)
    """
    if sums.n < MIN_PAIRS:
        return NotEnough(f"{sums.n} judged pairs can't show how much they vary", "more judged pairs", round(sums.y))
    if not 0 <= sums.x <= sums.y or sums.y < sums.n:
        raise ValueError(f"{sums.x:g} in {sums.y:g} votes on {sums.n} pairs is not a win rate: each pair needs a vote")
    rate = sums.x / sums.y
    variance = sums.first.variance - 2 * rate * sums.covariance + rate**2 * sums.second.variance
    return _effect(rate, max(0.0, variance) * sums.n / sums.y**2, sums.n, round(sums.y), by="pair")


def preference_effect(
    values: Floats, items: Sequence[str], people: Sequence[str], *, weights: Floats | None = None
) -> Effect | NotEnough:
    """The same effect from single votes, clustered by pair, and by person if there are three or more.

    ``values``, ``items``, ``people`` and ``weights`` (1/π) have one entry for each vote, as in `win_rate`. `NotEnough`
    and ``not_yet`` are as in `preference_effect_of_sums`. The effect is also ``not_yet`` ready if three to nine people
    are clusters.

    Source: Cameron, Gelbach & Miller (2011), JBES 29:238-249; as `crossed_mean`.

    >>> from fairtrial.stats.always_valid import always_valid
    >>> votes = np.array([1.0] * 140 + [0.5] * 20 + [0.0] * 60)
    >>> print(always_valid(preference_effect(votes, [str(i) for i in range(220)], ["ann"] * 220), tau=0.05))
    0.1818 (0.08797 to 0.2757; 95 %, n = 220, win rate above a half, clustered by pair, always valid)
    """
    require_votes(values)
    found = crossed_mean(values, items, people, weights=weights, agreeing=True)
    if isinstance(found, NotEnough):
        return found
    by = "pair and reviewer" if found.two_way else "pair"
    effect = _effect(found.mean, found.variance, found.items, len(values), by=by, freedom=found.freedom)
    people_seen = len(set(people))
    if not found.two_way or people_seen >= MIN_REVIEWERS or effect.not_yet is not None:
        return effect
    needed = f"{MIN_REVIEWERS - people_seen} more reviewers"
    return replace(effect, not_yet=NotEnough(f"{people_seen} reviewers are too few to look at", needed, len(values)))


def _effect(rate: float, variance: float, pairs: int, votes: int, *, by: str, freedom: float | None = None) -> Effect:
    few = None
    if pairs < MIN_UNITS:
        few = NotEnough(f"{pairs} judged pairs are too few to look at", f"{MIN_UNITS - pairs} more judged pairs", votes)
    method = f"win rate above a half, clustered by {by}"
    return Effect(rate - EVEN, variance, votes, method, freedom=pairs - 1 if freedom is None else freedom, not_yet=few)
