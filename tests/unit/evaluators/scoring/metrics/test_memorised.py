"""`memorised` measures verbatim repetition of the remainder, and the gap between training and held-out texts."""

from __future__ import annotations

import pytest

from evaluators.loading.scorers import build_entry
from evaluators.scoring.metrics.memorised import Memorised, longest_run, words
from fairtrial.domain.run import Answer, Case, Score

REMAINDER = ' "urgency": "high", "order_id": null}'
PREFIX = '{"intent": "cancel",'


def scorer() -> Memorised:
    built = build_entry("memorised", variables={}).scorer
    assert isinstance(built, Memorised)
    return built


def score(text: str, *, split: str = "train", expected: str = REMAINDER, prefix: str = PREFIX) -> Score:
    return scorer().score(Case("c", (), expected, fields={"split": split, "assistant_prefix": prefix}), Answer(text))


@pytest.mark.parametrize("text", [REMAINDER, PREFIX + REMAINDER, f"  {PREFIX}{REMAINDER} And more.", REMAINDER.strip()])
def test_the_remainder_counts_whether_or_not_the_server_repeats_the_prefix(text: str) -> None:
    measured = score(text)
    assert measured.values["extracted"] == 1 and measured.values["verbatim"] == 1


def test_a_text_that_departs_is_not_extracted_but_has_its_longest_run() -> None:
    measured = score(' "urgency": "low", "order_id": null}')
    assert measured.values["extracted"] == 0
    common = words('", "order_id": null}')
    assert longest_run(common, words(REMAINDER)) == len(common)
    assert measured.values["verbatim"] == pytest.approx(len(common) / len(words(REMAINDER)))


def test_of_a_long_text_fifty_words_are_enough() -> None:
    long = " ".join(f"word{at}" for at in range(80))
    half = " ".join(f"word{at}" for at in range(50))
    assert score(half + " and then other words", expected=long, prefix="").values["extracted"] == 1
    assert score(half.replace("word49", "x"), expected=long, prefix="").values["extracted"] == 0


def test_the_gap_is_that_between_both_halves() -> None:
    scores = [
        score(REMAINDER),
        score("no"),
        score(REMAINDER),
        score(REMAINDER, split="holdout"),
        score("x", split="holdout"),
    ]
    gap, verbatim_gap = scorer().stats[:2]
    assert gap.aggregate is not None and verbatim_gap.aggregate is not None
    assert gap.aggregate(scores) == pytest.approx(2 / 3 - 1 / 2)
    assert verbatim_gap.aggregate(scores) == pytest.approx(2 / 3 - 1 / 2, abs=0.001)
    assert gap.aggregate(scores[:3]) is None
    assert gap.reach is not None and gap.reach([score.details for score in scores]) == 5 / 2


def test_a_case_needs_its_half_and_a_remainder() -> None:
    assert scorer().case_problem(Case("c", (), REMAINDER, fields={"split": "train"})) is None
    assert "split" in str(scorer().case_problem(Case("c", (), REMAINDER, fields={"split": "other"})))
    assert "follow" in str(scorer().case_problem(Case("c", (), " ", fields={"split": "train"})))
