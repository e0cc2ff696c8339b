"""A measure of agreement that doesn't exist, or a scale that isn't one, is refused and never taken for another."""

import pytest

from fairtrial.stats.agreement.alpha import alpha
from fairtrial.stats.agreement.chance_agreement import agreement_weights, fleiss_kappa, gwet_ac
from fairtrial.stats.agreement.rating_table import RatingTable
from tests.fixtures.for_each import for_each

ITEMS = [f"item {i}" for i in range(12)]
TABLE = RatingTable.of(ITEMS * 2, ["ann"] * 12 + ["bob"] * 12, [1, 2, 3] * 7 + [2, 2, 2])


@pytest.mark.parametrize("method", [gwet_ac, fleiss_kappa])
def test_unknown_weights_are_not_linear_ones(method) -> None:
    with pytest.raises(ValueError, match="no 'squared' weights; use one of identity"):
        method(TABLE, weights="squared")


@for_each("method", [gwet_ac, fleiss_kappa])
@for_each("scale", [[1, 2], ["a", "b"], [1, 2, 3, "four"]])
def test_a_rating_that_is_not_on_the_scale_is_refused(method, scale: list[int | str]) -> None:
    with pytest.raises(ValueError, match="not on the scale"):
        method(TABLE, scale=scale)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="no 'euclidean' metric; use one of nominal"):
        alpha(TABLE, metric="euclidean")


@for_each("scale", [[1, 1], [3, 2, 1], [1, 3, 2]])
@for_each("weights", ["ordinal", "linear", "quadratic"])
def test_a_scale_rises(scale: list[int], weights: str) -> None:
    with pytest.raises(ValueError, match="must rise"):
        agreement_weights(scale, weights)
