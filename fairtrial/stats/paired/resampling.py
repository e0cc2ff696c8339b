"""Bootstrap and jackknife intervals for any statistic of a whole corpus, over cases or clusters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_DEFINED, MIN_RESAMPLED
from fairtrial.stats.arguments import Floats, upper_share
from fairtrial.stats.effects import freedom_of
from fairtrial.stats.paired.clustered import Clusters, unseen_half
from fairtrial.stats.paired.score_mean import ScoreUnits, unseen_size

__all__ = ["bootstrap_corpus", "jackknife_corpus"]

Indices = NDArray[np.intp]
CORPUS_DRAWS = 1_000

MOST_PARTS = 1_000
"""With more clusters, several are left out together, chosen with the seed."""


def bootstrap_corpus(
    figure: Callable[[Indices], float | None],
    n: int,
    clusters: Clusters | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    span: float | None = None,
) -> Estimate | NotEnough:
    """A statistic of all cases together (corpus BLEU, macro F1, a quantile) with a percentile interval over clusters.

    ``figure`` takes the indices of the resampled cases, from 0 to n − 1. It returns the statistic, or ``None`` where
    that does not exist. ``span`` is the largest change that one case could make, by default the size of the statistic.
    Where all resamples agree, they show no spread, but this does not prove that there is none. The half-width is then
    what the next, unseen kind of case could add: span · z²/(n + z²) over n clusters, as in Tango's interval without
    discordance. Returns `NotEnough` below eight clusters, or if the statistic exists for fewer than nine in ten
    resamples. It also does so if all resamples are 0 and no ``span`` is given. Use it for quantiles. A smooth statistic
    that depends on few cases needs `jackknife_corpus`. With 20 positives, a bound of macro recall that should err in 5
    % errs in 11 %.

    Source: Koehn (2004), EMNLP, for corpus scores; Davison & Hinkley (1997) §3.8 for clusters.

    >>> seconds = np.array([0.8, 1.1, 0.9, 3.2, 1.0, 1.4, 0.7, 2.1, 1.2, 0.9])
    >>> print(bootstrap_corpus(lambda cases: float(np.median(seconds[cases])), 10))
    1.05 (0.85 to 1.601; 95 %, n = 10, percentile bootstrap of 1,000)
    """
    if n < 0 or (clusters is not None and len(clusters) != n):
        raise ValueError(f"{n} cases can't have {0 if clusters is None else len(clusters)} clusters: give one for each")
    groups = Groups.of(n, clusters)
    point = figure(np.arange(n)) if n else None
    if point is None or not isfinite(point):
        return NotEnough("the statistic does not exist for these cases", "cases for which it exists", n)
    if len(groups) < MIN_RESAMPLED:
        what = "cases" if clusters is None else "clusters"
        return NotEnough(f"too few {what} to resample: {len(groups)}", f"{MIN_RESAMPLED} {what} or more", n)
    rng = np.random.default_rng(seed)
    chosen = (rng.integers(0, len(groups), len(groups)) for _ in range(CORPUS_DRAWS))
    made = [figure(groups.members(few)) for few in chosen]
    drawn = np.array([value for value in made if value is not None and isfinite(value)])
    if len(drawn) < MIN_DEFINED * CORPUS_DRAWS:
        return NotEnough("the statistic does not exist for many resamples of these cases", "more cases", n)
    low, high = np.quantile(drawn, [1 - upper_share(level), upper_share(level)])
    if np.ptp(drawn) == 0:
        if span is None and point == 0:
            return NotEnough("all resamples agree on 0, which says nothing about other cases", "cases that differ", n)
        half = unseen_half(abs(point) if span is None else span, len(groups), level=level)
        low, high = low - half, high + half
    method = f"percentile bootstrap of {CORPUS_DRAWS:,}" + (" over clusters" if clusters is not None else "")
    return Estimate(float(point), float(low), float(high), level, n, method)


@dataclass(frozen=True, slots=True)
class Groups:
    """The cases of each cluster, ordered by its first case; ``order`` lists the cases cluster by cluster."""

    order: Indices
    starts: Indices
    sizes: Indices

    @classmethod
    def of(cls, n: int, clusters: Clusters | None) -> "Groups":
        """Groups of single cases, or by the given clusters."""
        if clusters is None:
            return cls(np.arange(n), np.arange(n), np.ones(n, dtype=np.intp))
        _, firsts, which = np.unique(np.asarray(clusters), return_index=True, return_inverse=True)
        rank = np.empty(len(firsts), dtype=np.intp)
        rank[np.argsort(firsts, kind="stable")] = np.arange(len(firsts))
        which = rank[which]
        sizes = np.bincount(which, minlength=len(firsts))
        return cls(np.argsort(which, kind="stable"), np.cumsum(sizes) - sizes, sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def members(self, few: Indices) -> Indices:
        """The cases of these clusters, in their order."""
        if len(self) == len(self.order):
            return few  # each case is its own cluster, numbered by its position
        sizes = self.sizes[few]
        before = np.cumsum(sizes) - sizes
        places: Indices = np.arange(int(sizes.sum())) + np.repeat(self.starts[few] - before, sizes)
        return self.order[places]


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
    if round(freedom, 9) < MIN_RESAMPLED - 1:
        return NotEnough(f"too few {what} of similar size: {len(groups)}", f"{MIN_RESAMPLED} {what} or more", n)
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
    others = np.ones(n, dtype=bool)

    def without(part: Indices) -> float | None:
        others[part] = False
        value = figure(np.flatnonzero(others))
        others[part] = True
        return value

    return without


def _pseudo(without: Callable[[Indices], float | None], point: float, parts: Sequence[Indices]) -> Floats | None:
    """The pseudo-value of each part, shifted so that their mean is the statistic; ``None`` if it needs every part."""
    left = np.empty(len(parts))
    for at, part in enumerate(parts):
        value = without(part)
        if value is None or not isfinite(value):
            return None
        left[at] = value
    return np.asarray(point + (len(parts) - 1) * (left.mean() - left))
