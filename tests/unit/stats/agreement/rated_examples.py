"""Published ratings that several tests measure agreement on."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.rating_table import RatingTable, Value

__ = None
FOUR_RATERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, __, __, __),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, __, __),
    (__, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, __),
)
"""Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C; R's irrCAC has it as cac.raw4raters."""

FIVE_OBSERVERS = (
    (1, 1, 2, __, 0, 0, 1, 1, 2, 2, __, 0, 1, 3, 1),
    (1, 1, 3, 0, 0, 0, 0, __, 2, 1, 1, 0, 2, 3, 1),
    (2, 0, 3, 0, 0, 0, 2, 2, 2, 1, 0, 0, 2, 2, 1),
    (__, 1, 3, __, __, __, __, 0, __, 1, 0, 0, 2, 2, __),
    (2, __, __, 0, 0, 0, 1, __, 2, __, __, __, __, 3, 1),
)
"""R's irrCAC: cac.raw5obser, from Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed."""

FOUR_RATERS_BY_GENDER = ("aaaaabbbcaaaaab", "aaaababccaaaaba", "abbcaabbcabbcaa", "ccccaabbcccccaa")
"""R's irrCAC: cac.raw.gender."""

BEN_AND_GERRY = (tuple("aabbdcccedda"), (*"babbbccce", __, *"dd"))
"""R's irrCAC: cac.ben.gerry, where Gerry gave no value to one unit."""

PREGNANCIES = ((13, 0, 0), (0, 20, 7), (0, 4, 56))
"""R's irrCAC: cont3x3abstractors, the ratings of two people as a table."""
DIAGNOSES = ((40, 6, 4, 15), (4, 25, 1, 5), (4, 2, 21, 9), (17, 13, 12, 45))
"""R's irrCAC: cont4x4diagnosis."""


def table_of(people: Sequence[Sequence[Value | None]]) -> RatingTable:
    """One row a person, one column an item."""
    rows = [
        (f"item {i:03}", f"person {j}", value)
        for j, given in enumerate(people)
        for i, value in enumerate(given)
        if value is not None
    ]
    return RatingTable.of(*zip(*rows, strict=True))


def of_counts(counts: Sequence[Sequence[int]]) -> RatingTable:
    """One row an item, one column a value: how many people gave it."""
    rows = [
        (f"item {i:03}", f"person {j}", value)
        for i, row in enumerate(counts)
        for j, value in enumerate([value for value, many in enumerate(row) for _ in range(many)])
    ]
    return RatingTable.of(*zip(*rows, strict=True))


def of_two(shares: Sequence[Sequence[int]]) -> RatingTable:
    """One row a value of the first person, one column a value of the second."""
    pairs = [(a, b) for a, row in enumerate(shares, 1) for b, many in enumerate(row, 1) for _ in range(many)]
    return table_of(list(zip(*pairs, strict=True)))


def told(found: Estimate | NotEnough) -> Estimate:
    assert isinstance(found, Estimate), found
    return found
