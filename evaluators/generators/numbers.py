"""Spells the numbers from 0 to 999, so that an answer in words is accepted too."""

from __future__ import annotations

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int) -> list[str]:
    """All accepted spellings: ``["25", "twenty-five", "twenty five"]``."""
    return list(dict.fromkeys([str(number), _spelled(number, "-"), _spelled(number, " ")]))


def _spelled(number: int, hyphen: str) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (hyphen + ONES[ones] if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ONES[hundreds]} hundred" + (f" and {_spelled(rest, hyphen)}" if rest else "")
