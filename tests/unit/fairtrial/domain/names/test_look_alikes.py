"""Names that a reader could take for others, and names that only share an alphabet."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.names.look_alikes import LATIN, LETTERS, look_alike, mixes_scripts, proper_name
from tests.fixtures.for_each import for_each

CYRILLIC_A, GREEK_O, FULLWIDTH_A = "\u0410", "\u03bf", "\uff21"


@for_each("name", [f"{CYRILLIC_A}da", f"R{GREEK_O}sa", "Ann\u0430", "Rosa \u0440", "Ada1\u0661"])
def test_a_name_that_mixes_scripts_is_refused(name: str) -> None:
    assert mixes_scripts(name)
    with pytest.raises(BadRequest, match="scripts"):
        proper_name(name)


@for_each(
    "name",
    [
        "Ada Lovelace", "José O'Brien", "Zoë-Anne 2", "\u0410\u0434\u0430", "Ελένη", "山田 太郎", "やまだ タロウ",
        "Tom 山田", "김철수 Kim", "عائشة", "דוד", "आदित्य", "Nguyễn Thị Ánh", "ʻOkina",
    ],
)  # fmt: skip
def test_a_name_of_one_language_is_accepted(name: str) -> None:
    assert proper_name(name)


@for_each(
    ("first", "second"),
    [
        ("Coca", "\u0421\u043e\u0441\u0430"), ("Al", "AI"), ("Bill", "BiI1"), ("Rosa", "R0sa"), ("Amo", "Arno"),
        ("Wes", "VVes"), ("Ada", f"{FULLWIDTH_A}da"), ("o", "\u03bf"), ("\u043e", "\u03bf"),
    ],
)  # fmt: skip
def test_names_that_look_alike_are_found(first: str, second: str) -> None:
    assert look_alike(first, second) and look_alike(second, first)


@pytest.mark.parametrize(
    ("first", "second"), [("Ada", "Eda"), ("Ada", "\u0410\u0434\u0430"), ("Jose", "José"), ("Iris", "Ines")]
)
def test_names_that_differ_are_not(first: str, second: str) -> None:
    assert not look_alike(first, second)


def test_each_letter_of_the_table_is_confused_with_its_own() -> None:
    assert len(LETTERS) == len(LATIN) == len(set(LETTERS))
    for letter, latin in zip(LETTERS, LATIN, strict=True):
        assert look_alike(f"x{letter}x", f"x{latin}x"), letter


@given(st.text(max_size=40))
def test_a_name_looks_like_itself_and_is_settled_after_one_step(text: str) -> None:
    try:
        name = proper_name(text)
    except BadRequest:
        return
    assert proper_name(name) == name
    assert look_alike(name, name)
