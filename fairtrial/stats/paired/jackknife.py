"""Jackknife intervals for smooth statistics of a whole corpus, by leaving out each case or cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import upper_share
from fairtrial.stats.effects import freedom_of
from fairtrial.stats.paired.bootstrap import MIN_CASES, Groups, Indices
from fairtrial.stats.paired.clustered import Clusters, Floats
from fairtrial.stats.paired.score_units import ScoreUnits, unseen_size

__all__ = ["jackknife_corpus"]

MOST_PARTS = 1_000
"""With more clusters, several are left out together, chosen with the seed."""


def jackknife_corpus(
    figure: Callable[[Indices], float | None],
    n: int,
    clusters: Clusters | None = None,
    *,
    within: tuple[float, float],
    reach: float | None = 1.0,
    without: Callable[[Indices], float | None] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate | NotEnough:
    """A smooth statistic of all cases (corpus BLEU, macro F1) with the score interval of its pseudo-values.

    ``figure`` takes the indices of cases, from 0 to n − 1. It returns the statistic, or ``None`` where that does not
    exist. ``without`` returns that of all other cases, where this is quicker. ``within`` gives the lowest and the
    highest possible statistic. ``reach`` is n times the largest weight of a case. It is 1 for a mean, and n/(2 k) for
    the mean of two recalls, one with k cases. A cluster's pseudo-value is the statistic plus (C − 1) times the loss
    from leaving the cluster out. The interval is `score_mean`'s of these values. In it, an unseen case moves the
    statistic ``reach`` times as far towards an end of ``within`` as with a mean. So a rare label whose losses the
    sample did not show is not treated as if it had none.

    Returns `NotEnough` below eight clusters, where the statistic does not exist without some cluster, or where
    ``reach`` is ``None``. Medians and other quantiles need `bootstrap_corpus`, because leaving out one case does not
    measure them.

    Source: Efron & Stein (1981), Annals of Statistics 9:586-596; Shao & Tu (1995), The Jackknife and Bootstrap, §2.3,
    for parts; the interval as `score_mean`.

    >>> right = np.array([1.0] * 30 + [0.0] * 10)
    >>> print(jackknife_corpus(lambda cases: float(right[cases].mean()), 40, within=(0, 1)))
    0.75 (0.5929 to 0.8607; 95 %, n = 40, score interval of the jackknife)
    """
    point = figure(np.arange(n)) if n else None
    if point is None or not isfinite(point):
        return NotEnough("the statistic does not exist for these cases", "cases for which it exists", n)
    groups, what = Groups.of(n, clusters), "cases" if clusters is None else "clusters"
    freedom = freedom_of(sizes := groups.sizes.astype(np.float64))
    if round(freedom, 9) < MIN_CASES - 1:
        return NotEnough(f"too few {what} of similar size: {len(groups)}", f"{MIN_CASES} {what} or more", n)
    if reach is None:
        return NotEnough("the effect of one case on the statistic is unknown", "a case of each class", n)
    values = _pseudo(without or _others(figure, n), point, _parts(groups, seed))
    if values is None:
        return NotEnough(f"the statistic depends on single {what}", "more cases of the rare kinds", n)
    further = reach * len(values) / n * unseen_size(sizes)
    units = ScoreUnits.of(values, None, (point + further * (within[0] - point), point + further * (within[1] - point)))
    low, high = units.bounds(float(scipy.special.stdtrit(min(freedom, len(values) - 1), upper_share(level))))
    low, high = max(low, min(within[0], point)), min(high, max(within[1], point))
    method = "score interval of the jackknife" + ("" if clusters is None else " over clusters")
    return Estimate(float(point), low, high, level, n, method)


def _parts(groups: Groups, seed: int) -> list[Indices]:
    """The parts to leave out: each cluster, or random groups of clusters that make a thousand parts."""
    if len(groups) <= MOST_PARTS:
        return [groups.members(np.array([at])) for at in range(len(groups))]
    order = np.random.default_rng(seed).permutation(len(groups))
    return [groups.members(some) for some in np.array_split(order, MOST_PARTS)]


def _others(figure: Callable[[Indices], float | None], n: int) -> Callable[[Indices], float | None]:
    """The statistic of all cases except those with these indices."""
    kept = np.ones(n, dtype=bool)

    def without(part: Indices) -> float | None:
        kept[part] = False
        found = figure(np.flatnonzero(kept))
        kept[part] = True
        return found

    return without


def _pseudo(without: Callable[[Indices], float | None], point: float, parts: Sequence[Indices]) -> Floats | None:
    """The pseudo-value of each part, shifted so that their mean is the statistic; ``None`` if it needs every part."""
    left = np.empty(len(parts))
    for at, part in enumerate(parts):
        found = without(part)
        if found is None or not isfinite(found):
            return None
        left[at] = found
    added = (len(parts) - 1) * (left.mean() - left)
    return np.asarray(point + added)
