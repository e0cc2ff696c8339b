"""Intraclass correlation: the share of the variance that is due to the items, for one rating or a mean of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import scipy  # its `stats` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.rating_table import Floats, RatingTable, unseen_bounds
from fairtrial.stats.intervals import upper_share

__all__ = ["icc"]

Form = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]
MIN_COMPLETE = 5
"""With fewer complete items, the variance between items is too uncertain."""
ROUNDING = 1e-12
LEAST = -1.0


@dataclass(frozen=True, slots=True)
class _Squares:
    """Mean squares of ``n`` items by ``k`` raters: between items, within items, between raters, and residual."""

    n: int
    k: int
    items: float
    within: float
    people: float
    rest: float


def icc(table: RatingTable, *, form: Form = "2,1", level: float = 0.95) -> Estimate | NotEnough:
    """The ICC with its F interval, over the items that every rater in the table rated; n counts these items.

    The default ``2,1`` treats the raters as a sample of possible raters, and counts a rater's strictness as error.
    ``1`` is for items that each had other raters. ``3`` is for a complete set of raters, and measures consistency, not
    absolute agreement. ``k`` in the second place means the ICC of the mean of all k raters. Items that a rater missed
    are left out. If all agree on each item, the lower end is as in `alpha`. No value below −1 is reported. F assumes
    normal ratings, so it is approximate on a scale of few marks.

    Returns `NotEnough` below two people or five complete items, if items do not differ, or if the whole interval is
    below −1. The mean of k is also `NotEnough` if items differ no more than ratings of one item do. Raises `ValueError`
    for names and for other forms.

    Source: Shrout & Fleiss (1979), Psychological Bulletin 86:420-428.

    >>> marks = [(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)]
    >>> rows = [(f"target {i}", f"judge {j}", mark) for i, row in enumerate(marks) for j, mark in enumerate(row)]
    >>> print(icc(RatingTable.of(*zip(*rows))))
    0.2898 (0.01879 to 0.7611; 95 %, n = 6, ICC(2,1), F)
    """
    if form not in get_args(Form):
        raise ValueError(f"there is no ICC({form}); use one of {' or '.join(get_args(Form))}")
    people = sorted(set(table.people))
    if any(isinstance(value, str) for value in table.values):
        raise ValueError("names have no variance: an ICC needs numbers")
    complete = [[given[one] for one in people] for given in table.by_item.values() if len(given) == len(people)]
    if len(people) < 2 or len(complete) < MIN_COMPLETE:
        reason = f"{len(complete)} items were rated by each of {len(people)} people"
        return NotEnough(reason, f"{MIN_COMPLETE} items that two or more people all rate", len(complete))
    marks = np.array(complete, dtype=np.float64)
    found = _squares(marks - marks.mean())
    if found.items <= ROUNDING * (found.within + float(np.abs(marks).max())):
        return NotEnough("the items' means are equal, so items explain no variance", "items that differ", found.n)
    method = f"ICC({form}), F"
    if found.within <= ROUNDING * found.items:
        shares = np.unique(marks[:, 0], return_counts=True)[1] / len(marks)
        low, high = unseen_bounds(1.0, found.n, 1 - float(shares @ shares), level)
        return Estimate(1.0, _of_mean(low, found.k) if form.endswith("k") else low, high, level, found.n, method)
    single = _random(found, level) if form.startswith("2") else _by_ratio(found, form, level)
    if form.endswith("k") and single[0] <= ROUNDING:
        return NotEnough("items differ no more than ratings of one item do", "items that differ more", found.n)
    if single[2] <= LEAST + ROUNDING:
        return NotEnough("ratings of one item differ far more than items do", "people who rate one thing", found.n)
    value, low, high = (max(LEAST, _of_mean(one, found.k) if form.endswith("k") else one) for one in single)
    return Estimate(value, low, high, level, found.n, method)


def _squares(marks: Floats) -> _Squares:
    n, k = marks.shape
    rows, columns = marks.mean(axis=1), marks.mean(axis=0)
    items, people = k * float(rows @ rows), n * float(columns @ columns)
    within = float(((marks - rows[:, None]) ** 2).sum())
    rest = float(((marks - rows[:, None] - columns[None, :]) ** 2).sum())
    return _Squares(n, k, items / (n - 1), within / (n * (k - 1)), people / (k - 1), rest / ((n - 1) * (k - 1)))


def _by_ratio(of: _Squares, form: Form, level: float) -> tuple[float, float, float]:
    """ICC(1,1) and ICC(3,1): a ratio of two mean squares."""
    alone = form.startswith("1")
    error, freedom = (of.within, of.n * (of.k - 1)) if alone else (of.rest, (of.n - 1) * (of.k - 1))
    tail = upper_share(level)
    low = of.items / float(scipy.stats.f.ppf(tail, of.n - 1, freedom))
    high = of.items * float(scipy.stats.f.ppf(tail, freedom, of.n - 1))
    first, second, third = ((one - error) / (one + (of.k - 1) * error) for one in (of.items, low, high))
    return first, second, third


def _random(of: _Squares, level: float) -> tuple[float, float, float]:
    """ICC(2,1), with Satterthwaite's degrees of freedom for the sum of the raters' and residual variances."""
    n, k = of.n, of.k
    value = (of.items - of.rest) / (of.items + (k - 1) * of.rest + k * (of.people - of.rest) / n)
    people, rest = k * value * of.people, (n * (1 + (k - 1) * value) - k * value) * of.rest
    freedom = (k - 1) * (n - 1) * (people + rest) ** 2 / ((n - 1) * people**2 + rest**2)
    tail, beside = upper_share(level), k * of.people + (k * n - k - n) * of.rest
    below = float(scipy.stats.f.ppf(tail, n - 1, freedom))
    above = float(scipy.stats.f.ppf(tail, freedom, n - 1))
    low = n * (of.items - below * of.rest) / (below * beside + n * of.items)
    high = n * (above * of.items - of.rest) / (beside + n * above * of.items)
    return value, low, high


def _of_mean(value: float, k: int) -> float:
    """Spearman-Brown: the reliability of a mean of k ratings, from that of one."""
    rest = 1 + (k - 1) * value
    return k * value / rest if rest > 0 else -1.0
