"""Common passwords, what people make of them, and easy patterns are refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.domain.errors import BadRequest
from fairtrial.store.access import passwords
from fairtrial.store.access.passwords import LONGEST, SHORTEST, require_acceptable
from tests.fixtures.for_each import for_each

LIST = Path(passwords.__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").splitlines()


def test_the_list_has_ten_thousand_passwords_and_says_where_it_comes_from() -> None:
    assert len(set(LIST)) == len(LIST) == 10_000
    assert LIST[:2] == ["123456", "123456789"]
    notice = Path(passwords.__file__).with_name("common_passwords.LICENSE").read_text(encoding="utf-8")
    assert "Redistribution and use" in notice and "Royce Williams" in notice


def test_every_one_that_is_long_enough_is_refused() -> None:
    long_enough = [password for password in LIST if SHORTEST <= len(password) <= LONGEST]
    assert len(long_enough) > 500
    for password in long_enough:
        with pytest.raises(BadRequest):
            require_acceptable(password, name="Rosa")


@for_each("password", ["QWERTYUIOP", "Password123!", "!!liverpool1", "1q2w3e4r5t6y", "iloveyou2026"])
def test_a_common_password_in_capitals_or_with_a_few_signs_is_refused(password: str) -> None:
    with pytest.raises(BadRequest, match="most common"):
        require_acceptable(password, name="Rosa")


@for_each(
    ("password", "reason"),
    [
        ("passwordpassword", "most common"),
        ("PasswordPassword1!", "most common"),
        ("monkey12monkey12monkey12", "most common"),
        ("k3#Lq9xk3#Lq9x", "repeats a part of fewer than 10 characters"),
        ("abab-abab-abab-", "only 3 different characters"),
        ("aaaabbbbccccdddd", "only 4 different characters"),
        ("abcdefghijklm!", "mostly a sequence"),
        ("qwertzuiop1234567", "mostly a sequence"),
        ("zyxwvutsrqpon", "mostly a sequence"),
        ("rosa-lind-2026", "without the account's name"),
        ("ROSALIND!!rosalind", "without the account's name"),
        ("Fairtrial2026!", "without the account's name"),
        ("Ｒosa Lind 2026", "without the account's name"),
        ("axcze       ", "must have 10 characters"),
    ],
)
def test_an_easy_pattern_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=f"password: .*{reason}") as raised:
        require_acceptable(password, name="Rosa Lind")
    assert password.casefold() not in raised.value.message.casefold()


@for_each(
    "password",
    [
        "correct horse battery", "a few words are easy to remember", "liverpool-to-leeds", "83714630-abc-9921",
        "rosa likes long sentences", "d8#kL2!qZx", "3941758206", "горный воздух весной",
    ],
)  # fmt: skip
def test_others_are_taken(password: str) -> None:
    assert require_acceptable(password, name="Rosa") == password
