"""What the verdict's page says of agreement: with a minus, and never mute."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dashboard.verdicts import review_evidence
from fairtrial.api.review_answers import MetricAgreement
from fairtrial.domain.estimates import Estimate

ALPHA = Estimate(-0.13, -0.31, 0.06, 0.95, 40, "")
SHARED = MetricAgreement(alpha=ALPHA, pairs=40, quality="not measured", people=2)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is drawn, in order."""
    drawn: list[Any] = []
    for name in ("caption", "markdown"):
        monkeypatch.setattr(review_evidence.st, name, drawn.append)
    monkeypatch.setattr(review_evidence, "table", lambda rows, title: drawn.append(rows))
    return drawn


def test_agreement_below_chance_has_a_minus(said: list[Any]) -> None:
    review_evidence._agreement({"review.tone": SHARED}, [])
    (row,) = said[1]
    assert (row["measure"], row["alpha"]) == ("tone", "−0.13 (−0.31 to 0.06)")
    assert row["agreement"] == "very low"


def test_where_no_pair_was_judged_by_two_the_page_says_so(said: list[Any]) -> None:
    review_evidence._agreement({"review.tone": replace(SHARED, pairs=0)}, [])
    assert said == ["No pair was judged by two people, so agreement is unknown."]
