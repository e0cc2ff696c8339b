"""A measure of agreement that doesn't exist, or a scale that isn't one, is refused and never taken for another."""

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement.alpha import alpha
from fairtrial.stats.agreement.chance_agreement import fleiss_kappa, gwet_ac
from fairtrial.stats.agreement.cohen_kappa import cohen_kappa
from fairtrial.stats.agreement.icc import icc
from fairtrial.stats.agreement.rating_table import RatingTable
from fairtrial.stats.agreement.weights import agreement_weights
from tests.fixtures.for_each import for_each

ITEMS = [f"item {i}" for i in range(12)]
TABLE = RatingTable.of(ITEMS * 2, ["ann"] * 12 + ["bob"] * 12, [1, 2, 3] * 7 + [2, 2, 2])


@pytest.mark.parametrize("method", [gwet_ac, fleiss_kappa, cohen_kappa])
def test_unknown_weights_are_not_linear_ones(method) -> None:
    with pytest.raises(ValueError, match="no 'squared' weights; use one of identity"):
        method(TABLE, weights="squared")


@for_each("method", [gwet_ac, fleiss_kappa, cohen_kappa])
@for_each("scale", [[1, 2], ["a", "b"], [1, 2, 3, "four"]])
def test_a_rating_that_is_not_on_the_scale_is_refused(method, scale: list[int | str]) -> None:
    with pytest.raises(ValueError, match="not on the scale"):
        method(TABLE, scale=scale)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="no 'euclidean' metric; use one of nominal"):
        alpha(TABLE, metric="euclidean")


@pytest.mark.parametrize("form", ["2k", "9,9", "ICC2"])
def test_an_unknown_form_is_not_another_one(form: str) -> None:
    with pytest.raises(ValueError, match="no ICC"):
        icc(TABLE, form=form)


@for_each("scale", [[1, 1], [3, 2, 1], [1, 3, 2]])
@for_each("weights", ["ordinal", "linear", "quadratic"])
def test_a_scale_rises(scale: list[int], weights: str) -> None:
    with pytest.raises(ValueError, match="must rise"):
        agreement_weights(scale, weights)


def test_people_who_rate_opposite_things_have_no_interval_of_no_width() -> None:
    opposite = RatingTable.of(ITEMS[:6] * 2, ["ann"] * 6 + ["bob"] * 6, [1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 2])
    found = icc(opposite)
    assert isinstance(found, NotEnough) and "far more than items" in found.reason
    assert isinstance(icc(opposite, form="3,1"), Estimate)


def test_a_mean_of_ratings_without_a_share_of_the_items_is_told_in_no_unit() -> None:
    marks = np.array([[1, 5, 2], [1, 7, 2], [3, 5, 3], [4, 5, 6], [6, 8, 6], [9, 1, 5]])
    for size in (1, 5, 7):
        values = (size * marks - 100).ravel().tolist()
        table = RatingTable.of([item for item in ITEMS[:6] for _ in range(3)], ["ann", "bob", "cem"] * 6, values)
        assert isinstance(icc(table, form="2,k"), NotEnough)
