"""The chart of ratings shows Wilson's interval for each variant whose ratings are shares."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.experiments.traffic import feedback_rates


def variant(name: str, **feedback: dict[str, Any]) -> dict[str, Any]:
    return {"variant": name, "feedback": feedback}


def test_the_interval_is_wilsons() -> None:
    """The bounds are those that statsmodels gives."""
    (row,) = feedback_rates("helpful", [variant("base", helpful={"rate": 0.2, "rated": 50, "n": 60})])
    assert (row["variant"], row["rate"], row["n"]) == ("base", 0.2, 50)
    assert (row["low"], row["high"]) == pytest.approx((0.112438, 0.330369), abs=1e-5)


def test_variants_without_ratings_or_with_numbers_above_one_have_no_interval() -> None:
    rows = [
        variant("silent"),
        variant("comments", helpful={"rate": None, "rated": 0, "n": 4}),
        variant("stars", helpful={"rate": 4.5, "rated": 10, "n": 10}),
        variant("all", helpful={"rate": 1.0, "rated": 10, "n": 10}),
    ]
    assert [row["variant"] for row in feedback_rates("helpful", rows)] == ["all"]
