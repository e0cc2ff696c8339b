"""Perturbations change how a text is written, never the things that it names."""

from __future__ import annotations

import unicodedata

from evaluators.probes.families.perturbations import case, filler, homoglyphs, punctuation, reordering, spacing, typos
from evaluators.probes.probe import Source
from evaluators.probes.rows import Draw, RandomChange, invariance
from tests.fixtures.for_each import for_each

TEXT = "My Camera is offline, since noon. Mail anna@example.com about order LM-12345! See https://x.test/a, please."
CHANGES = (case, filler, homoglyphs, punctuation, reordering, spacing, typos)
FIXED = ("anna@example.com", "LM-12345", "https://x.test/a")


@for_each("change", CHANGES)
@for_each("seed", range(20))
def test_names_numbers_and_addresses_stay(change: RandomChange, seed: int) -> None:
    changed = change(TEXT, Draw(seed, "x"))
    assert changed != TEXT and all(name in changed for name in FIXED)


@for_each("change", CHANGES)
@for_each("text", ["", "   ", "42", "{}", "…", "你好", "a", "?!"])
def test_any_text_can_be_given(change: RandomChange, text: str) -> None:
    assert isinstance(change(text, Draw(1, "x")), str)


def test_case_spacing_and_reordering_keep_every_word() -> None:
    words = sorted(TEXT.casefold().split())
    for change in (case, spacing, reordering):
        assert sorted(change(TEXT, Draw(3, "x")).casefold().split()) == words


def test_a_text_in_capitals_or_small_letters_alone_changes_to_the_other() -> None:
    for seed in range(8):
        assert case("WHERE IS IT?", Draw(seed, "x")) == "where is it?"
        assert case("where is it?", Draw(seed, "x")) == "WHERE IS IT?"


def test_typos_keep_the_first_letters_and_most_words() -> None:
    changed = typos(TEXT, Draw(3, "x")).split()
    pairs = list(zip(TEXT.split(), changed, strict=True))
    assert all(old[0] == new[0] for old, new in pairs)
    assert 1 <= sum(old != new for old, new in pairs) <= 3


def test_homoglyphs_look_the_same_and_are_other_letters() -> None:
    changed = homoglyphs(TEXT, Draw(3, "x"))
    differing = [(old, new) for old, new in zip(TEXT, changed, strict=True) if old != new]
    assert differing and all(unicodedata.name(new).startswith("CYRILLIC") for _, new in differing)


def test_a_text_of_one_sentence_has_no_other_order() -> None:
    rows = ({"id": "a", "input": "One sentence."}, {"id": "b", "input": "Two of them. Here they are."})
    made = invariance("reordering", "", reordering).rows(Source(seed=1, count=10, rows=rows))
    assert [row["id"] for row in made] == ["b~reordering"] and made[0]["input"] == "Here they are. Two of them."


def test_the_same_rows_are_drawn_for_every_family() -> None:
    rows = tuple({"id": str(at), "input": TEXT} for at in range(20))
    drawn = {
        tuple(
            row["seed_id"] for row in invariance(change.__name__, "", change).rows(Source(seed=4, count=5, rows=rows))
        )
        for change in CHANGES
    }
    assert len(drawn) == 1 and len(drawn.pop()) == 5
