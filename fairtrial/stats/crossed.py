"""The mean of values that may move together in two ways, by item and by person, each with a weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.clustered import Floats, cluster_sums

MIN_PEOPLE = 10
"""Below this many people their variance can't be told from chance: then only items are clusters."""

MIN_ITEMS = 2
NO_SPREAD = 1e-15


@dataclass(frozen=True, slots=True)
class CrossedMean:
    """A weighted mean with its variance; ``freedom``: degrees of freedom; ``two_way``: people are clusters too."""

    mean: float
    variance: float
    freedom: int
    items: int
    two_way: bool

    @property
    def spreads(self) -> bool:
        """Whether the clusters differ at all, beyond rounding."""
        return self.variance > NO_SPREAD


def crossed_mean(
    values: Floats, items: Sequence[str], people: Sequence[str], *, weights: Floats | None = None
) -> CrossedMean | NotEnough:
    """Σ w x / Σ w (Hájek) with a sandwich variance clustered by item, and by person where there are ten or more.

    ``values``, ``items``, ``people``, ``weights``: one for each vote; the weight is 1/π, or ``None`` where all had
    the same chance. Two-way: V = V_item + V_person − V_both, and V_item where that is larger; each part has its
    C/(C − 1) correction and the freedom is that of the smaller. `NotEnough` below two items.

    Source: Hájek (1971); Liang & Zeger (1986), Biometrika 73:13-22; Cameron, Gelbach & Miller (2011), JBES 29:238-249.
    """
    count = len(set(items))
    if count < MIN_ITEMS:
        return NotEnough(f"{count} judged pairs can't show how much they vary", "more judged pairs", len(values))
    shares = np.full(len(values), 1.0) if weights is None else np.asarray(weights, dtype=np.float64)
    shares = shares / shares.sum()
    mean = float(shares @ values)
    influence = shares * (values - mean)
    variance, freedom, crowd = _part(influence, items), count - 1, len(set(people))
    if crowd < MIN_PEOPLE:
        return CrossedMean(mean, variance, freedom, count, False)
    both = [f"{len(item)}:{item}{person}" for item, person in zip(items, people, strict=True)]
    crossed = variance + _part(influence, people) - _part(influence, both)
    return CrossedMean(mean, max(variance, crossed), min(freedom, crowd - 1), count, True)


def _part(influence: Floats, clusters: Sequence[str]) -> float:
    sums = cluster_sums(influence, clusters)
    count = len(sums)
    return float(sums @ sums) * count / (count - 1)
