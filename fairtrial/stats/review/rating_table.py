"""Collects ratings in tables that can be added."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Self

__all__ = ["RatingTable"]

Value = float | str
Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RatingTable:
    """Ratings as parallel columns in a canonical order; ``a + b`` has the ratings of both tables.

    ``values`` are numbers, or names for a nominal scale. ``groups`` are what each item is drawn with, such as the pair
    that an answer belongs to. Groups are the sampling units, so they are what is resampled.

    >>> RatingTable.of(["a", "a", "b"], ["ann", "bob", "ann"], [4, 5, 3]).scale
    (3, 4, 5)
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

    @property
    def by_item(self) -> dict[tuple[str, str], dict[str, Value]]:
        """The ratings of each item, by group."""
        ratings: dict[tuple[str, str], dict[str, Value]] = {}
        for group, item, person, value in zip(self.groups, self.items, self.people, self.values, strict=True):
            ratings.setdefault((group, item), {})[person] = value
        return ratings

    @property
    def counts(self) -> tuple[tuple[Row, ...], ...]:
        """For each group, its items as counts of the scale's values.

        Groups, and the items within them, are sorted by their counts, so that names affect nothing, not even a seeded
        draw.
        """
        place = {value: i for i, value in enumerate(self.scale)}
        made: dict[str, list[Row]] = {}
        for (group, _), given in self.by_item.items():
            row = [0] * len(place)
            for value in given.values():
                row[place[value]] += 1
            made.setdefault(group, []).append(tuple(row))
        return tuple(sorted(tuple(sorted(rows)) for rows in made.values()))
