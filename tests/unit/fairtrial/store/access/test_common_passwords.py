"""The bundled list has ten thousand passwords, and what people make of them is refused, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.domain.errors import BadRequest
from fairtrial.store.access import common_passwords
from fairtrial.store.access.passwords import LONGEST, SHORTEST, require_acceptable
from tests.fixtures.for_each import for_each

LIST = Path(common_passwords.__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").splitlines()


def test_the_list_has_ten_thousand_passwords_and_says_where_it_comes_from() -> None:
    assert len(set(LIST)) == len(LIST) == 10_000
    assert LIST[:2] == ["123456", "123456789"]
    notice = Path(common_passwords.__file__).with_name("common_passwords.LICENSE").read_text(encoding="utf-8")
    assert "Redistribution and use" in notice and "Royce Williams" in notice


def test_every_one_that_is_long_enough_is_refused() -> None:
    long_enough = [one for one in LIST if SHORTEST <= len(one) <= LONGEST]
    assert len(long_enough) > 500
    for password in long_enough:
        with pytest.raises(BadRequest):
            require_acceptable(password, name="Rosa")


@for_each("password", ["QWERTYUIOP", "Password123!", "!!liverpool1", "1q2w3e4r5t6y", "iloveyou2026"])
def test_a_common_password_in_capitals_or_with_a_few_signs_is_refused(password: str) -> None:
    with pytest.raises(BadRequest, match="most common"):
        require_acceptable(password, name="Rosa")


@pytest.mark.parametrize(
    "password", ["correct horse battery", "a few words are easy to remember", "liverpool-to-leeds", "83714630-abc-9921"]
)
def test_others_are_taken(password: str) -> None:
    assert require_acceptable(password, name="Rosa") == password
