"""Gwet's AC and Fleiss' κ: agreement beyond chance, which follows the use of the scale, with partial agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal, get_args

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.rating_table import MIN_ITEMS, Floats, RatingTable, Value, unseen_bounds
from fairtrial.stats.arguments import upper_share

__all__ = ["agreement_weights", "fleiss_kappa", "gwet_ac"]

NO_SPREAD = 1e-15
Weights = Literal["identity", "ordinal", "linear", "quadratic"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """For each item: its group, whether it was rated twice, its agreement, and the shares of its values."""

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
    """Gwet's AC1, or AC2 with other weights: raters are assumed to agree by chance only on hard items.

    The coefficient stays high where nearly all ratings are equal and people agree on that, while α and κ fall to 0
    ("the kappa paradox"). ``scale`` lists all possible values, by default those in use; their number affects the
    result. The t interval uses Gwet's variance over groups of items. n counts groups with an item that was rated twice.
    If nobody disagrees, the lower end is as in `alpha`. Returns `NotEnough` in the same cases as `alpha`.

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
    """Fleiss' κ for several raters: any of them may rate each item, and chance follows all ratings.

    The shares of values are averaged over items. Parameters, interval and `NotEnough` are as in `gwet_ac`.

    Source: Fleiss (1971), Psychological Bulletin 76:378-382. Weights, missing ratings and the variance (which is not
    that under no agreement): Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed.

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
        reason = f"{n} items with two ratings are too few to measure agreement"
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
    """(observed − chance) / (1 − chance) with its interval, from the contribution of each item to both."""
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
    half = float(scipy.special.stdtrit(seen.groups - 1, upper_share(level))) * sqrt(variance)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), level, n, method)


def agreement_weights(scale: Sequence[Value], weights: Weights) -> Floats:
    """The matrix of weights, with one row and one column for each value of the scale.

    ``identity`` counts only equal ratings. ``linear`` and ``quadratic`` use the distance between numbers, and its
    square. ``ordinal`` uses the number of pairs of ranks in between, whatever the numbers are. Raises `ValueError` for
    names with weights other than ``identity``, for a scale that does not rise, and for unknown weights.

    Source: Cohen (1968), Psychological Bulletin 70:213-220. Ordinal weights: Gwet (2014), Handbook of Inter-Rater
    Reliability, 4th ed., ch. 3.

    >>> agreement_weights([1, 2, 3], "quadratic").tolist()
    [[1.0, 0.75, 0.0], [0.75, 1.0, 0.75], [0.0, 0.75, 1.0]]
    """
    if weights not in get_args(Weights):
        raise ValueError(f"there are no {weights!r} weights; use one of {', '.join(get_args(Weights))}")
    if weights == "identity" or len(scale) < 2:
        return np.eye(len(scale))
    if any(isinstance(value, str) for value in scale):
        raise ValueError(f"names have no distances: use identity weights, not {weights}")
    at = np.arange(len(scale), dtype=np.float64) if weights == "ordinal" else np.array(scale, dtype=np.float64)
    if not (np.diff(np.array(scale, dtype=np.float64)) > 0).all():
        raise ValueError(f"the values of a scale must rise, unlike {list(scale)}")
    apart = np.abs(at[:, None] - at[None, :])
    if weights == "ordinal":
        apart = apart * (apart + 1)
    elif weights == "quadratic":
        apart = apart**2
    return np.asarray(1.0 - apart / apart.max(), dtype=np.float64)
