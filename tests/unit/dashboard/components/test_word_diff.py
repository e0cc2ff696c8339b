"""The words in which two answers differ: joined, the pieces are the answers again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.word_diff import MOST_WORDS, Piece, differing

TEXTS = st.text(alphabet="ab <>&.\n\t é", max_size=40)


@given(base=TEXTS, candidate=TEXTS)
def test_joined_pieces_give_both_texts_again(base: str, candidate: str) -> None:
    found = differing(base, candidate)
    assert "".join(piece.text for piece in found.base) == base
    assert "".join(piece.text for piece in found.candidate) == candidate
    same = ["".join(piece.text for piece in side if piece.mark == "same") for side in (found.base, found.candidate)]
    assert same[0] == same[1]


def test_only_the_words_that_differ_are_marked() -> None:
    found = differing("The capital is Rome.", "The capital is Paris, I think.")
    assert [piece.text for piece in found.base if piece.mark == "only"] == ["Rome"]
    assert "".join(piece.text for piece in found.candidate if piece.mark == "only") == "Paris, I think"


def test_equal_texts_and_empty_ones_have_no_marks() -> None:
    assert differing("a b", "a b").base == (Piece("a b"),)
    assert differing("", "").base == ()


def test_texts_that_are_too_long_to_compare_are_shown_whole_and_say_so() -> None:
    long = "word " * MOST_WORDS
    found = differing(long, "short")
    assert not found.compared
    assert found.base == (Piece(long),)
