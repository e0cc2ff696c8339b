"""Krippendorff's alpha: agreement of raters beyond chance, of one rater with the others, and how good it is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal, get_args

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import (
    GOOD_AGREEMENT,
    MIN_DEFINED,
    MIN_ITEMS,
    NOT_MEASURED_AGREEMENT,
    TENTATIVE_AGREEMENT,
)
from fairtrial.stats.arguments import Floats, upper_share
from fairtrial.stats.intervals import unseen_share
from fairtrial.stats.review.rating_table import RatingTable, Row, Value

__all__ = ["agreement_quality", "alpha", "alpha_against_rest"]

Counts = NDArray[np.int64]
Metric = Literal["nominal", "ordinal"]

DRAWS = 2_000
CELLS = 2_000_000
"""The maximum number of values in memory at once during resampling."""
ROUNDING = 1e-12
"""Smaller differences between resamples are rounding errors."""


Quality = Literal["good", "tentative", "low", "not measured", "unknown"]


@dataclass(frozen=True, slots=True)
class Units:
    """Items with two or more ratings, grouped by kind of group.

    ``counts`` has one row for each unit, with the number of ratings of each value. ``shares`` is the weight of each
    unit, and ``kind`` is the kind of group that it belongs to. ``many`` counts the groups of each kind.
    """

    counts: Floats
    shares: Floats
    kind: Counts
    many: Counts


def alpha(
    table: RatingTable, *, metric: Metric = "nominal", level: float = 0.95, seed: int = 0
) -> Estimate | NotEnough:
    """α = 1 − observed / expected disagreement, with a percentile interval from 2,000 resamples of groups of items.

    1 is perfect agreement, and 0 is agreement by chance. An item that only one person rated shows nothing about
    agreement and is left out. n counts groups with an item that was rated twice. ``metric`` is the distance between two
    values. It compares names (``nominal``), or ranks in this sample and in each resample (``ordinal``).

    The percentiles are expanded slightly, as small samples require. If nobody disagrees, resamples can't show that the
    next group might. The lower end then assumes that z²/(n + z²) of the groups got two different values by chance.
    Returns `NotEnough` below ten groups, and if all values are equal, because agreement beyond chance is then not
    defined. Raises `ValueError` for names on a scale that has distances.

    Source: Krippendorff (2004), Content Analysis, 2nd ed., ch. 11. Resampling of items: Zapf et al. (2016), BMC Medical
    Research Methodology 16:93. Expanded percentiles: Hesterberg (2015), The American Statistician 69:371-386.

    >>> ann, bob = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 3, 3], [1, 2, 3, 4, 5, 1, 2, 4, 4, 4, 3, 2]
    >>> table = RatingTable.of([f"item {i}" for i in range(12)] * 2, ["ann"] * 12 + ["bob"] * 12, ann + bob)
    >>> print(alpha(table, metric="ordinal"))
    0.9245 (0.6515 to 1; 95 %, n = 12, Krippendorff's alpha, ordinal, bootstrap over items)
    """
    groups = [[(row, 1.0) for row in rows] for rows in table.counts]
    return alpha_of(groups, table.scale, metric=metric, level=level, seed=seed)


def alpha_of(
    groups: Iterable[Sequence[tuple[Row, float]]], scale: Sequence[Value], *, metric: Metric, level: float, seed: int
) -> Estimate | NotEnough:
    """Alpha for groups of items, each given as counts by value and a weight."""
    if metric not in get_args(Metric):
        raise ValueError(f"there is no {metric!r} metric; use one of {', '.join(get_args(Metric))}")
    if metric == "ordinal" and any(isinstance(value, str) for value in scale):
        raise ValueError(f"names have no distances: use the nominal metric, not {metric}")
    units = units_of(groups)
    n = int(units.many.sum())
    if n < MIN_ITEMS:
        reason = f"{n} items with two ratings are too few to measure agreement"
        return NotEnough(reason, f"{MIN_ITEMS - n} more items that two people rate", n)
    observed, expected = _disagreement(units, units.many[None, :], metric)
    if expected[0] <= 0:
        return NotEnough("all ratings are equal: agreement beyond chance is not defined", "items that differ", n)
    point = 1.0 - float(observed[0] / expected[0])
    method = f"Krippendorff's alpha, {metric}, bootstrap over items"
    drawn = _resampled(units, metric, seed)
    if len(drawn) < MIN_DEFINED * DRAWS:
        return NotEnough("nearly all ratings are equal: agreement is too uncertain", "items that differ", n)
    if np.ptp(drawn) <= ROUNDING:
        differ = _disagreement(units, units.many[None, :], "nominal")[1][0]
        low, high = unseen_bounds(point, n, float(differ), level)
    else:
        tail = float(scipy.special.ndtr(-sqrt(n / (n - 1)) * scipy.special.stdtrit(n - 1, upper_share(level))))
        low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(point, min(point, float(low)), max(point, float(high)), level, n, method)


def unseen_bounds(value: float, n: int, differ: float, level: float) -> tuple[float, float]:
    """Bounds of agreement when all groups are equal, so that they show nothing about variation.

    As in Wilson's interval for none of n, a share z²/(n + z²) of groups may be of another kind. For the lower end,
    these groups got two values at random among pairs that differ. ``differ`` is the share of such pairs among all
    pairs. For the upper end, these groups agree.
    """
    unseen = unseen_share(n, level)
    return max(-1.0, value - unseen / differ), value + unseen * (1 - value)


def units_of(groups: Iterable[Sequence[tuple[Row, float]]]) -> Units:
    """Groups with an item that was rated twice; equal groups are listed once with their number."""
    pairable = (tuple(unit for unit in group if sum(unit[0]) > 1) for group in groups)
    kinds = sorted(Counter(group for group in pairable if group).items())
    rows = [(row, share, i) for i, (group, _) in enumerate(kinds) for row, share in group]
    return Units(
        np.array([row for row, _, _ in rows], dtype=np.float64),
        np.array([share for _, share, _ in rows], dtype=np.float64),
        np.array([i for _, _, i in rows], dtype=np.int64),
        np.array([count for _, count in kinds], dtype=np.int64),
    )


def _resampled(units: Units, metric: Metric, seed: int) -> Floats:
    """Alpha of each resample in which the values differ."""
    rng = np.random.default_rng(seed)
    n = int(units.many.sum())
    weights = rng.multinomial(n, units.many / n, size=DRAWS)
    step = max(1, CELLS // max(1, len(units.shares)))
    parts = [_disagreement(units, weights[i : i + step], metric) for i in range(0, DRAWS, step)]
    observed, expected = (np.concatenate(side) for side in zip(*parts, strict=True))
    there = expected > 0
    return np.asarray(1.0 - observed[there] / expected[there], dtype=np.float64)


def _disagreement(units: Units, many: Counts, metric: Metric) -> tuple[Floats, Floats]:
    """Mean δ² within items and between all ratings, for each row of ``many``, which counts the groups of each kind."""
    weights = many[:, units.kind] * units.shares
    totals = weights @ units.counts
    n = totals.sum(axis=1)
    pairs = weights / (units.counts.sum(axis=1) - 1)
    if metric == "ordinal":
        within, between = _on_a_line(units.counts, pairs, totals, np.cumsum(totals, axis=1) - totals / 2)
    else:
        apart = 1.0 - np.eye(totals.shape[1])
        within = pairs @ _spread(units.counts, apart)
        between = _spread(totals, apart)
    return within / n, np.where(np.count_nonzero(totals, axis=1) > 1, between, 0.0) / (n * (n - 1))


def _on_a_line(counts: Floats, pairs: Floats, totals: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Σ (x − y)² over ordered pairs, which is 2 (m Σx² − (Σx)²), within items and between all ratings."""
    sums, squares = at @ counts.T, at**2 @ counts.T
    within = 2 * (pairs * np.maximum(counts.sum(axis=1) * squares - sums**2, 0.0)).sum(axis=1)
    spread = totals.sum(axis=1) * (totals * at**2).sum(axis=1) - (totals * at).sum(axis=1) ** 2
    return within, 2 * spread


def _spread(counts: Floats, apart: Floats) -> Floats:
    return np.asarray(((counts @ apart) * counts).sum(axis=1), dtype=np.float64)


def alpha_against_rest(
    table: RatingTable, person: str, *, metric: Metric = "nominal", level: float = 0.95, seed: int = 0
) -> Estimate | NotEnough:
    """Krippendorff's alpha between one rater and each other rater, with equal weight for every item.

    Disagreement among the other raters is left out; with two people the result is `alpha`. Its n counts the groups with
    an item that this person and another rated. Returns `NotEnough` as in `alpha`, and for a name that rated nothing.

    Source: Krippendorff (2004), Content Analysis, 2nd ed., ch. 11, restricted to the coincidences that involve one
    observer.

    >>> ann, bob = ["good", "bad", "good", "good"] * 3, ["good", "bad", "good", "bad"] * 3
    >>> table = RatingTable.of([f"item {i}" for i in range(12)] * 2, ["ann"] * 12 + ["bob"] * 12, ann + bob)
    >>> print(alpha_against_rest(table, "ann"))
    0.4889 (-0.2105 to 1; 95 %, n = 12, Krippendorff's alpha, nominal, bootstrap over items)
    """
    scale = table.scale
    place = {value: i for i, value in enumerate(scale)}
    groups: dict[str, list[tuple[Row, float]]] = {}
    for (group, _), given in table.by_item.items():
        others = [place[value] for name, value in given.items() if name != person]
        if person in given and others:
            pairs = [(_pair(place[given[person]], value, len(scale)), 1 / len(others)) for value in others]
            groups.setdefault(group, []).extend(pairs)
    return alpha_of([sorted(units) for units in groups.values()], scale, metric=metric, level=level, seed=seed)


def _pair(first: int, second: int, size: int) -> Row:
    return tuple((i == first) + (i == second) for i in range(size))


def agreement_quality(agreement: Estimate | NotEnough) -> Quality:
    """Good from 0.8, tentative from 0.667, low below; "not measured" below 0.4 if the interval excludes tentative.

    A few items often show less agreement than there is. A coefficient below 0.4 is therefore "not measured" only if the
    interval's upper end is below 0.667. Otherwise it is "low", because more items could still show enough agreement for
    tentative conclusions. "unknown" means that there is no estimate.

    In simulations of two people and five marks, this rejected at most 4 % of dimensions of tentative agreement. If both
    people guessed, it rejected 46 % with 10 items, 84 % with 20, and 99 % with 40.

    Source: Krippendorff (2004), Human Communication Research 30:411-433, for 0.8 and 0.667.

    >>> print(agreement_quality(Estimate(0.3, 0.1, 0.5, 0.95, 40, "alpha")))
    not measured
    """
    if isinstance(agreement, NotEnough):
        return "unknown"
    if agreement.value >= GOOD_AGREEMENT:
        return "good"
    if agreement.value >= TENTATIVE_AGREEMENT:
        return "tentative"
    surely_low = agreement.value < NOT_MEASURED_AGREEMENT and agreement.high < TENTATIVE_AGREEMENT
    return "not measured" if surely_low else "low"
