"""Who gave what to which item: ratings of items by any few of several people, in a table that adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fairtrial.stats.intervals import unseen_share

__all__ = ["RatingTable"]

Floats = NDArray[np.float64]
Value = float | str
Row = tuple[int, ...]

MIN_ITEMS = 10
"""Items rated twice below which no interval is told: a resample of fewer repeats the same handful."""


@dataclass(frozen=True, slots=True)
class RatingTable:
    """Ratings as parallel columns, in one order whatever theirs was; ``a + b`` is the table of all ratings of both.

    ``values``: numbers, or names for a nominal scale; ``groups``: what each item is drawn with, such as the pair that
    an answer belongs to: groups are what could have come out otherwise, so they are what is resampled.

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
        """One entry a rating; what wasn't rated is left out. Each item is a group of its own where none is given.

        Raises `ValueError` where columns differ in length, numbers and names mix, a number isn't finite, or one person
        rated one item twice: how far a person agrees with themselves is another question.
        """
        beside = items if groups is None else groups
        if not len(items) == len(people) == len(values) == len(beside):
            raise ValueError(f"{len(items)} items, {len(people)} people and {len(values)} values are no table")
        if len({isinstance(value, str) for value in values}) > 1:
            raise ValueError("numbers and names can't be on one scale")
        if not all(isinstance(value, str) or isfinite(value) for value in values):
            raise ValueError("a rating is not a finite number; leave out what was not rated")
        rows = sorted(zip(beside, items, people, values, strict=True))
        for one, other in pairwise(rows):
            if one[:3] == other[:3]:
                raise ValueError(f"{one[2]!r} rated {one[1]!r} twice")
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
        """All values that could be given, in order, by default those in use; `ValueError` where one in use isn't."""
        if scale is None:
            return self.scale
        strange = set(self.values) - set(scale)
        if strange or len({isinstance(value, str) for value in scale}) > 1:
            raise ValueError(f"{', '.join(sorted(map(str, strange))) or 'names beside numbers'} is not on the scale")
        return tuple(sorted(set(scale)))

    @property
    def by_item(self) -> dict[tuple[str, str], dict[str, Value]]:
        """What each person gave, for each item in its group."""
        found: dict[tuple[str, str], dict[str, Value]] = {}
        for group, item, person, value in zip(self.groups, self.items, self.people, self.values, strict=True):
            found.setdefault((group, item), {})[person] = value
        return found

    @property
    def twice(self) -> int:
        """Groups with an item that two people or more have rated: what an interval of agreement rests on."""
        return len({group for (group, _), given in self.by_item.items() if len(given) > 1})

    def counts(self, scale: Sequence[Value]) -> tuple[tuple[Row, ...], ...]:
        """For each group its items as counts of each value of the scale; raises `ValueError` for one that is not on it.

        Groups, and items within, are sorted by their counts, so that names decide nothing, not even a seeded draw.
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
    """Bounds of agreement where all groups show the same, so that they can't show how others would vary.

    A share z²/(n + z²) of groups may yet be of another kind, as in Wilson's interval of none among n: in the lower end
    it got two values at random among pairs that differ, ``differ`` being the share of all pairs that do; in the upper
    it agrees.
    """
    unseen = unseen_share(n, level)
    return max(-1.0, value - unseen / differ), value + unseen * (1 - value)
