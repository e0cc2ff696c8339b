"""Cohen's kappa: agreement of two raters beyond chance, where each rater has a separate distribution of values."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.rating_table import MIN_ITEMS, Floats, RatingTable, Value, unseen_bounds
from fairtrial.stats.agreement.weights import Weights, agreement_weights
from fairtrial.stats.intervals import upper_share

__all__ = ["cohen_kappa"]

NO_SPREAD = 1e-15


def cohen_kappa(
    table: RatingTable,
    *,
    weights: Weights = "identity",
    scale: Sequence[Value] | None = None,
    level: float = 0.95,
) -> Estimate | NotEnough:
    """κ = (observed − chance) / (1 − chance) over the items that both rated, with a t interval; n counts these items.

    ``scale`` lists all possible values, from which the weights are computed. If the two always agree, or one gave the
    same value to all items, the ends are as in `alpha` where nobody disagrees. Returns `NotEnough` below ten items, and
    if both used only the same single value. Raises `ValueError` unless there are two people (for more, use
    `fleiss_kappa`). It also does so if items are drawn in groups, which this variance does not support.

    Source: Cohen (1960), Educational and Psychological Measurement 20:37-46; Cohen (1968), Psychological Bulletin
    70:213-220. The large-sample variance is from Fleiss, Cohen & Everitt (1969), Psychological Bulletin 72:323-327. In
    simulation it was too small at ten items, where t rather than z helps.

    >>> ann, bob = ["good", "bad", "good", "good"] * 3, ["good", "bad", "good", "bad"] * 3
    >>> table = RatingTable.of([f"item {i}" for i in range(12)] * 2, ["ann"] * 12 + ["bob"] * 12, ann + bob)
    >>> print(cohen_kappa(table))
    0.5 (0.02347 to 0.9765; 95 %, n = 12, Cohen's kappa)
    """
    names = sorted(set(table.people))
    if len(names) > 2:
        raise ValueError(f"{len(names)} people rated, but Cohen's kappa is for two; use Fleiss' kappa")
    if len(set(zip(table.groups, table.items, strict=True))) > len(set(table.groups)):
        raise ValueError("items that are drawn in groups need another variance; use Fleiss' kappa")
    both = [given for given in table.by_item.values() if len(given) == 2]
    if len(both) < MIN_ITEMS:
        reason = f"{len(both)} items with two ratings are too few to measure agreement"
        return NotEnough(reason, f"{MIN_ITEMS - len(both)} more items that two people rate", len(both))
    values = table.on_scale(scale)
    place = {value: i for i, value in enumerate(values)}
    counts = np.zeros((len(values), len(values)))
    for given in both:
        counts[place[given[names[0]]], place[given[names[1]]]] += 1
    name = "Cohen's kappa" + ("" if weights == "identity" else f", {weights} weights")
    return _kappa(counts / len(both), agreement_weights(values, weights), len(both), level=level, name=name)


def _kappa(shares: Floats, weights: Floats, n: int, *, level: float, name: str) -> Estimate | NotEnough:
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, chance = float((weights * shares).sum()), float(rows @ weights @ columns)
    if 1 - chance <= NO_SPREAD:
        return NotEnough("all ratings are equal: agreement beyond chance is not defined", "items that differ", n)
    mean = (weights @ columns)[:, None] + (rows @ weights)[None, :]
    squares = float((shares * (weights * (1 - chance) - mean * (1 - observed)) ** 2).sum())
    variance = (squares - (observed * chance - 2 * chance + observed) ** 2) / (n * (1 - chance) ** 4)
    value = min(1.0, (observed - chance) / (1 - chance))
    if variance <= NO_SPREAD:
        return Estimate(value, *unseen_bounds(value, n, 1 - float(rows @ columns), level), level, n, name)
    half = float(scipy.special.stdtrit(n - 1, upper_share(level))) * sqrt(variance)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), level, n, name)
