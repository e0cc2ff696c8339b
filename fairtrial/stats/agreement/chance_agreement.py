"""Agreement of several people beyond chance, where chance is how a scale is used on the whole: Gwet's AC, Fleiss' κ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import stdtrit

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.rating_table import MIN_ITEMS, Floats, RatingTable, Value, unseen_bounds
from fairtrial.stats.agreement.weights import Weights, agreement_weights
from fairtrial.stats.intervals import upper_share

__all__ = ["fleiss_kappa", "gwet_ac"]

NO_SPREAD = 1e-15


@dataclass(frozen=True, slots=True)
class _Seen:
    """Each item's own figures: its group, whether two people rated it, their agreement, the shares of its values."""

    group: np.ndarray[tuple[int], np.dtype[np.intp]]
    groups: int
    twice: Floats
    agreement: Floats
    shares: Floats

    @property
    def observed(self) -> float:
        return float((self.twice * self.agreement).sum() / self.twice.sum())


def gwet_ac(
    table: RatingTable,
    *,
    weights: Weights = "identity",
    scale: Sequence[Value] | None = None,
    level: float = 0.95,
) -> Estimate | NotEnough:
    """AC1, or AC2 with other weights: people are thought to agree by chance on the items that are hard only.

    It stays high where nearly all ratings are equal and people agree on that, where α and κ fall to 0 ("the kappa
    paradox"). ``scale``: all values that could be given, by default those that were: how many they are counts. The t
    interval is on Gwet's variance, over groups of items; n counts groups with an item that was rated twice. Where
    nobody disagrees, the lower end is as in `alpha`, which also says where there is `NotEnough`.

    Source: Gwet (2008), British Journal of Mathematical and Statistical Psychology 61:29-48; Gwet (2014), Handbook of
    Inter-Rater Reliability, 4th ed., for weights and missing ratings.

    >>> ann, bob = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 3, 3], [1, 2, 3, 4, 5, 1, 2, 4, 4, 4, 3, 2]
    >>> table = RatingTable.of([f"item {i}" for i in range(12)] * 2, ["ann"] * 12 + ["bob"] * 12, ann + bob)
    >>> print(gwet_ac(table, weights="quadratic"))
    0.9401 (0.8721 to 1; 95 %, n = 12, Gwet's AC2, quadratic weights, t over items)
    """
    values, matrix, seen = _seen(table, weights, scale)
    if isinstance(seen, NotEnough):
        return seen
    mean = seen.shares.mean(axis=0)
    spread = float(matrix.sum()) / (len(values) * (len(values) - 1))
    name = "Gwet's AC1" if weights == "identity" else f"Gwet's AC2, {weights} weights"
    return _closed(seen, spread * seen.shares @ (1 - mean), matrix, level=level, name=name)


def fleiss_kappa(
    table: RatingTable,
    *,
    weights: Weights = "identity",
    scale: Sequence[Value] | None = None,
    level: float = 0.95,
) -> Estimate | NotEnough:
    """Fleiss' κ of several people, each item rated by any of them: chance gives each value its share of all ratings.

    Shares are those of the mean item. Parameters, interval and `NotEnough` as in `gwet_ac`.

    Source: Fleiss (1971), Psychological Bulletin 76:378-382; Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed.,
    for weights, missing ratings and the variance, which isn't that of no agreement.

    >>> ann, bob = ["good", "bad", "good", "good"] * 3, ["good", "bad", "good", "bad"] * 3
    >>> table = RatingTable.of([f"item {i}" for i in range(12)] * 2, ["ann"] * 12 + ["bob"] * 12, ann + bob)
    >>> print(fleiss_kappa(table))
    0.4667 (-0.1391 to 1; 95 %, n = 12, Fleiss' kappa, t over items)
    """
    _, matrix, seen = _seen(table, weights, scale)
    if isinstance(seen, NotEnough):
        return seen
    name = "Fleiss' kappa" + ("" if weights == "identity" else f", {weights} weights")
    return _closed(seen, seen.shares @ (matrix @ seen.shares.mean(axis=0)), matrix, level=level, name=name)


def _seen(
    table: RatingTable, weights: Weights, scale: Sequence[Value] | None
) -> tuple[tuple[Value, ...], Floats, _Seen | NotEnough]:
    used = table.scale
    values = table.on_scale(scale)
    matrix = agreement_weights(values, weights)
    grouped = table.counts(values)
    n = sum(any(sum(row) > 1 for row in rows) for rows in grouped)
    if n < MIN_ITEMS:
        reason = f"{n} items with two ratings are too few to tell how far people agree"
        return values, matrix, NotEnough(reason, f"{MIN_ITEMS - n} more items that two people rate", n)
    if len(used) < 2:
        equal = "all ratings are equal: agreement beyond chance is not defined"
        return values, matrix, NotEnough(equal, "items that differ", n)
    counts = np.array([row for rows in grouped for row in rows], dtype=np.float64)
    group = np.repeat(np.arange(len(grouped)), [len(rows) for rows in grouped])
    total = counts.sum(axis=1)
    pairs = (counts * (counts @ matrix - 1)).sum(axis=1)
    agreement = pairs / np.maximum(total * (total - 1), 1)
    seen = _Seen(group, len(grouped), (total > 1).astype(np.float64), agreement, counts / total[:, None])
    return values, matrix, seen


def _closed(seen: _Seen, by_chance: Floats, matrix: Floats, *, level: float, name: str) -> Estimate:
    """(observed − chance) / (1 − chance) with its interval, from each item's part in both."""
    items, observed, chance = len(by_chance), seen.observed, float(by_chance.mean())
    value = min(1.0, (observed - chance) / (1 - chance))
    twice = seen.twice * items / seen.twice.sum()
    parts = (twice * (seen.agreement - chance) - 2 * (1 - value) * (by_chance - chance)) / (1 - chance)
    sums = np.bincount(seen.group, weights=parts - value)
    variance = float(sums @ sums) * seen.groups / (seen.groups - 1) / items**2
    n = len(np.unique(seen.group[seen.twice > 0]))
    method = f"{name}, t over items"
    if variance <= NO_SPREAD:
        mean = seen.shares.mean(axis=0)
        apart = float(mean @ (1 - matrix) @ mean) / (1 - float(mean @ mean))
        return Estimate(value, *unseen_bounds(value, n, (1 - chance) / apart, level), level, n, method)
    half = float(stdtrit(seen.groups - 1, upper_share(level))) * sqrt(variance)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), level, n, method)
