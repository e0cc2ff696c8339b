"""Measures how well one rater agrees with the other raters of the same items."""

from __future__ import annotations

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.alpha import Metric, alpha_of
from fairtrial.stats.agreement.rating_table import RatingTable, Row

__all__ = ["alpha_against_rest"]


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
            pairs = [(_pair(place[given[person]], other, len(scale)), 1 / len(others)) for other in others]
            groups.setdefault(group, []).extend(pairs)
    return alpha_of([sorted(units) for units in groups.values()], scale, metric=metric, level=level, seed=seed)


def _pair(one: int, other: int, size: int) -> Row:
    return tuple((i == one) + (i == other) for i in range(size))
