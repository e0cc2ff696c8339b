"""The chart of ratings shows Wilson's interval for each variant whose ratings are shares."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dashboard.experiments.traffic import feedback_rates
from fairtrial.domain.store_reports import KeyFeedback, VariantTraffic

FIELDS = msgspec.structs.fields(VariantTraffic)
NOTHING: dict[str, Any] = {of.name: 0 if of.type is int else None for of in FIELDS if of.name != "variant"}


def variant(name: str, **feedback: KeyFeedback) -> VariantTraffic:
    return VariantTraffic(variant=name, **NOTHING | {"feedback": feedback})


def test_the_interval_is_wilsons() -> None:
    """The bounds are those that statsmodels gives."""
    (row,) = feedback_rates("helpful", [variant("base", helpful=KeyFeedback(60, 50, 0.2))])
    assert (row["variant"], row["rate"], row["n"]) == ("base", 0.2, 50)
    assert (row["low"], row["high"]) == pytest.approx((0.112438, 0.330369), abs=1e-5)


def test_variants_without_ratings_or_with_numbers_above_one_have_no_interval() -> None:
    rows = [
        variant("silent"),
        variant("comments", helpful=KeyFeedback(4, 0, None)),
        variant("stars", helpful=KeyFeedback(10, 10, 4.5)),
        variant("all", helpful=KeyFeedback(10, 10, 1.0)),
    ]
    assert [row["variant"] for row in feedback_rates("helpful", rows)] == ["all"]
