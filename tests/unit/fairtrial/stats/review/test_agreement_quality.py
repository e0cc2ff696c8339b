"""How good an agreement is, and that few items condemn nobody who agrees."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.review.krippendorff_alpha import agreement_quality, alpha
from tests.fixtures.evaluators.rated_examples import table_of
from tests.fixtures.for_each import for_each


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="no 'euclidean' metric; use one of nominal"):
        alpha(table_of([[1, 2, 3] * 4] * 2), metric="euclidean")


@for_each(
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


@pytest.mark.parametrize(
    ("noise", "items", "least", "most"), [(0.6, 20, 0.0, 0.06), (9.0, 20, 0.7, 1.0), (9.0, 40, 0.95, 1.0)]
)
def test_who_agrees_is_rarely_condemned_and_who_guesses_nearly_always(noise, items, least, most) -> None:
    # two people who see a normal quality with normal noise, in five marks: alpha is about 0.67 at 0.6 and 0.01 at 9
    rng = np.random.default_rng(8)
    condemned = 0
    for _ in range(60):
        seen = rng.normal(size=items) + noise * rng.normal(size=(2, items))
        marks = np.digitize(seen / (1 + noise**2) ** 0.5, [-0.84, -0.25, 0.25, 0.84])
        condemned += agreement_quality(alpha(table_of(marks.tolist()), metric="ordinal")) == "not measured"
    assert least <= condemned / 60 <= most


def test_without_an_estimate_nothing_is_known() -> None:
    assert agreement_quality(NotEnough("one person rated", "another")) == "unknown"
