"""What the verdict's page says of agreement and of the win rate on other scales: with a minus, and never mute."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.verdicts import review_evidence

ALPHA = {"value": -0.13, "low": -0.31, "high": 0.06}
SHARED = {"alpha": ALPHA, "gwet": {"reason": "r"}, "pairs": 40, "quality": "not measured"}


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
    assert (row["measure"], row["alpha"], row["Gwet's AC"]) == ("tone", "−0.13 (−0.31 to 0.06)", "–")
    assert row["agreement"] == "very low"


def test_where_no_pair_was_judged_by_two_the_page_says_so(said: list[Any]) -> None:
    review_evidence._agreement({"review.tone": SHARED | {"pairs": 0}}, [])
    assert said == ["No pair was judged by two people, so agreement is unknown."]


def test_the_other_scales_have_their_signs_and_their_missing_bound(said: list[Any]) -> None:
    review_evidence._scales({"value": -0.4, "low": -1.0, "high": 0.1}, {"value": -147.2, "low": None, "high": 35.0})
    (line,) = said
    assert line == ("The same as net preference −40 points (−100 to +10); as Elo gap −147 (no bound to +35).")
