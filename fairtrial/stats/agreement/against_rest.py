"""How far one person agrees with everybody else who rated the same items."""

from __future__ import annotations

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.alpha import Metric, alpha_of
from fairtrial.stats.agreement.rating_table import RatingTable, Row

__all__ = ["alpha_against_rest"]


def alpha_against_rest(
    table: RatingTable, person: str, *, metric: Metric = "nominal", level: float = 0.95, seed: int = 0
) -> Estimate | NotEnough:
    """Alpha of one person's ratings beside each other person's, every item weighing the same.

    Disagreement of the others among themselves is left out; with two people it is `alpha`. n counts groups with an
    item that this person and another rated. `NotEnough` as in `alpha`: a name that rated nothing included.

    Source: Krippendorff (2004), Content Analysis, 2nd ed., ch. 11, with the coincidences that one observer is part of.

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
