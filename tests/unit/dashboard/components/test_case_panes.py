"""A case says in words what is unusual about an answer, and leaves out what a reader need not know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec import convert

from dashboard.components.case_panes import MOST_WORDS, Piece, differing, one_sided
from fairtrial.api.run_answers import GradedCase

ROW: dict[str, Any] = {
    "case_id": "c1", "repeat": 0, "tags": {}, "asked": None, "expected": None, "outcome": "scored", "latency_ms": None,
    "tokens_out": None, "cached": False, "error": None, "output": "No.", "refusal": None, "scores": [],
    "texts_deleted": False, "grade": "right", "finish_reason": "stop",
}  # fmt: skip


def case(**fields: Any) -> GradedCase:
    return convert(ROW | fields, GradedCase)


def score(metric: str, value: float) -> dict[str, Any]:
    return {"metric": metric, "value": value, "why": None, "label": None, "expected": None}


def scores(*pairs: dict[str, Any]) -> list[tuple[str, str, str]]:
    (side,) = one_sided(case(scores=list(pairs)), "tuned", link={})["sides"]
    return list(side["scores"])


@pytest.mark.parametrize(
    ("signal", "value", "words"),
    [
        ("refused", 1.0, "refusal"),
        ("over_refused", 1.0, "over-refusal"),
        ("format_valid", 0.0, "not in the required format"),
        ("language_switch", 1.0, "in another language"),
    ],
)
def test_a_signal_that_departs_is_shown_in_words_and_another_is_not_shown(
    signal: str, value: float, words: str
) -> None:
    assert scores(score(f"signals.{signal}", value)) == [("", words, "")]
    assert scores(score(f"signals.{signal}", 1 - value)) == []


def test_a_score_is_shown_with_its_name_and_value() -> None:
    assert scores(score("exact.accuracy", 0.0)) == [("exact.accuracy", "0", "")]


def test_only_cases_of_probes_say_what_they_are() -> None:
    assert one_sided(case(tags={"probe": "own", "team": "a"}), "tuned", link={})["tags"] == "team: a"
    tags = {"family": "typos", "probe": "invariance"}
    assert one_sided(case(tags=tags), "tuned", link={})["tags"] == "family: typos, probe: invariance"


TEXTS = st.text(alphabet="ab <>&.\n\t é", max_size=40)


@given(base=TEXTS, candidate=TEXTS)
def test_joined_pieces_give_both_texts_again(base: str, candidate: str) -> None:
    pieces = differing(base, candidate)
    assert "".join(piece.text for piece in pieces.base) == base
    assert "".join(piece.text for piece in pieces.candidate) == candidate
    same = ["".join(piece.text for piece in side if piece.mark == "same") for side in (pieces.base, pieces.candidate)]
    assert same[0] == same[1]


def test_only_the_words_that_differ_are_marked() -> None:
    pieces = differing("The capital is Rome.", "The capital is Paris, I think.")
    assert [piece.text for piece in pieces.base if piece.mark == "only"] == ["Rome"]
    assert "".join(piece.text for piece in pieces.candidate if piece.mark == "only") == "Paris, I think"


def test_equal_texts_and_empty_ones_have_no_marks() -> None:
    assert differing("a b", "a b").base == (Piece("a b"),)
    assert differing("", "").base == ()


def test_texts_that_are_too_long_to_compare_are_shown_whole_and_say_so() -> None:
    long = "word " * MOST_WORDS
    pieces = differing(long, "short")
    assert not pieces.compared
    assert pieces.base == (Piece(long),)
