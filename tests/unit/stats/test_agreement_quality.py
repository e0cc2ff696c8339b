"""What agreement is good for: Krippendorff's limits, and when a dimension counts as not measured."""

from __future__ import annotations

import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.agreement_quality import agreement_quality


@pytest.mark.parametrize(
    ("value", "low", "high", "quality"),
    [
        (0.85, 0.7, 0.95, "good"),
        (0.8, 0.6, 0.9, "good"),
        (0.7, 0.5, 0.8, "tentative"),
        (0.5, 0.2, 0.6, "low"),
        (0.39, 0.1, 0.66, "not measured"),
        (0.39, -0.1, 0.7, "low"),
        (-0.2, -0.5, 0.1, "not measured"),
    ],
)
def test_a_figure_below_the_limit_condemns_only_where_more_items_could_not_save_it(value, low, high, quality) -> None:
    assert agreement_quality(Estimate(value, low, high, 0.95, 20, "alpha")) == quality


def test_without_an_estimate_nothing_is_known() -> None:
    assert agreement_quality(NotEnough("one person rated", "another")) == "unknown"
