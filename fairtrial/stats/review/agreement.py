"""Collects ratings in tables that can be added, and measures agreement beyond chance: Gwet's AC."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt
from typing import Literal, Self, get_args

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_ITEMS
from fairtrial.stats.arguments import Floats, upper_share
from fairtrial.stats.intervals import unseen_share

__all__ = ["RatingTable", "agreement_weights", "gwet_ac"]

Value = float | str
Row = tuple[int, ...]


NO_SPREAD = 1e-15
Weights = Literal["identity", "ordinal", "linear", "quadratic"]


@dataclass(frozen=True, slots=True)
class RatingTable:
    """Ratings as parallel columns in a canonical order; ``a + b`` has the ratings of both tables.

    ``values`` are numbers, or names for a nominal scale. ``groups`` are what each item is drawn with, such as the pair
    that an answer belongs to. Groups are the sampling units, so they are what is resampled.

    >>> RatingTable.of(["a", "a", "b"], ["ann", "bob", "ann"], [4, 5, 3]).twice
    1
    """

    items: tuple[str, ...]
    people: tuple[str, ...]
    values: tuple[Value, ...]
    groups: tuple[str, ...]

    @classmethod
    def of(
        cls,
        items: Sequence[str],
        people: Sequence[str],
        values: Sequence[Value],
        groups: Sequence[str] | None = None,
    ) -> Self:
        """One entry for each rating; missing ratings are left out. Without groups, each item is its own group.

        Raises `ValueError` if columns differ in length, numbers and names mix, a number is not finite, or one person
        rated one item twice. Agreement of a person with themselves is a different question.
        """
        beside = items if groups is None else groups
        if not len(items) == len(people) == len(values) == len(beside):
            raise ValueError(f"{len(items)} items, {len(people)} people and {len(values)} values must be equally many")
        if len({isinstance(value, str) for value in values}) > 1:
            raise ValueError("numbers and names can't be on one scale")
        if not all(isinstance(value, str) or isfinite(value) for value in values):
            raise ValueError("a rating is not a finite number; leave out missing ratings")
        rows = sorted(zip(beside, items, people, values, strict=True))
        for row, following in pairwise(rows):
            if row[:3] == following[:3]:
                raise ValueError(f"{row[2]!r} rated {row[1]!r} twice")
        columns = tuple(zip(*rows, strict=True)) or ((), (), (), ())
        return cls(columns[1], columns[2], columns[3], columns[0])

    def __add__(self, other: Self) -> Self:
        columns = (self.items + other.items, self.people + other.people, self.values + other.values)
        return self.of(*columns, self.groups + other.groups)

    @property
    def scale(self) -> tuple[Value, ...]:
        """The values in use, in order."""
        return tuple(sorted(set(self.values)))

    def on_scale(self, scale: Sequence[Value] | None) -> tuple[Value, ...]:
        """All possible values in order, by default those in use; `ValueError` if a used value is not among them."""
        if scale is None:
            return self.scale
        strange = set(self.values) - set(scale)
        if strange or len({isinstance(value, str) for value in scale}) > 1:
            what = ", ".join(sorted(map(str, strange))) or "a mix of names and numbers"
            raise ValueError(f"{what} is not on the scale")
        return tuple(sorted(set(scale)))

    @property
    def by_item(self) -> dict[tuple[str, str], dict[str, Value]]:
        """The ratings of each item, by group."""
        ratings: dict[tuple[str, str], dict[str, Value]] = {}
        for group, item, person, value in zip(self.groups, self.items, self.people, self.values, strict=True):
            ratings.setdefault((group, item), {})[person] = value
        return ratings

    @property
    def twice(self) -> int:
        """The groups with an item that two or more raters rated, on which intervals of agreement are based."""
        return len({group for (group, _), given in self.by_item.items() if len(given) > 1})

    def counts(self, scale: Sequence[Value]) -> tuple[tuple[Row, ...], ...]:
        """For each group, its items as counts of the scale's values. Raises `ValueError` for a value off the scale.

        Groups, and the items within them, are sorted by their counts, so that names affect nothing, not even a seeded
        draw.
        """
        place = {value: i for i, value in enumerate(self.on_scale(scale))}
        made: dict[str, list[Row]] = {}
        for (group, _), given in self.by_item.items():
            row = [0] * len(place)
            for value in given.values():
                row[place[value]] += 1
            made.setdefault(group, []).append(tuple(row))
        return tuple(sorted(tuple(sorted(rows)) for rows in made.values()))


def unseen_bounds(value: float, n: int, differ: float, level: float) -> tuple[float, float]:
    """Bounds of agreement when all groups are equal, so that they show nothing about variation.

    As in Wilson's interval for none of n, a share z²/(n + z²) of groups may be of another kind. For the lower end,
    these groups got two values at random among pairs that differ. ``differ`` is the share of such pairs among all
    pairs. For the upper end, these groups agree.
    """
    unseen = unseen_share(n, level)
    return max(-1.0, value - unseen / differ), value + unseen * (1 - value)


@dataclass(frozen=True, slots=True)
class _Seen:
    """For each item: its group, whether it was rated twice, its agreement, and the shares of its values."""

    group: np.ndarray[tuple[int], np.dtype[np.intp]]
    groups: int
    twice: Floats
    agreement: Floats
    shares: Floats


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


def _seen(
    table: RatingTable, weights: Weights, scale: Sequence[Value] | None
) -> tuple[tuple[Value, ...], Floats, _Seen | NotEnough]:
    values = table.on_scale(scale)
    matrix = agreement_weights(values, weights)
    grouped = table.counts(values)
    n = sum(any(sum(row) > 1 for row in rows) for rows in grouped)
    if n < MIN_ITEMS:
        reason = f"{n} items with two ratings are too few to measure agreement"
        return values, matrix, NotEnough(reason, f"{MIN_ITEMS - n} more items that two people rate", n)
    if len(table.scale) < 2:
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
    observed = float((seen.twice * seen.agreement).sum() / seen.twice.sum())
    items, chance = len(by_chance), float(by_chance.mean())
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
