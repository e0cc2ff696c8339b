"""Generates small sums in several wordings: additions, subtractions and products of two numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from evaluators.generators.draw import Draw
from evaluators.generators.question import Question, lines, question, usable

Sum = tuple[str, int, int]

SHARES = {"+": 0.5, "-": 0.3, "*": 0.2}
WORDINGS = {
    "+": (
        "What is {a} + {b}?",
        "What is {a} plus {b}?",
        "How much is {a} plus {b}?",
        "Add {a} and {b}.",
        "Calculate {a} + {b}.",
        "What is the sum of {a} and {b}?",
    ),
    "-": (
        "What is {a} - {b}?",
        "What is {a} minus {b}?",
        "How much is {a} minus {b}?",
        "Subtract {b} from {a}.",
        "Calculate {a} - {b}.",
    ),
    "*": (
        "What is {a} times {b}?",
        "How much is {a} times {b}?",
        "Multiply {a} by {b}.",
        "Calculate {a} × {b}.",
    ),
}
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


def arithmetic(seed: int, count: int) -> list[Question]:
    """Draw ``count`` sums, half of them additions; none is in the training data in any wording or order."""
    draw = Draw(seed, "arithmetic")
    drawn: list[Question] = []
    for sign, share in SHARES.items():
        made = (_asked(draw, each) for each in draw.shuffled(list(_pool(sign))))
        drawn += [asked for asked in made if usable(asked)][: round(count * share)]
    return draw.shuffled(drawn)


def result(each: Sum) -> int:
    sign, a, b = each
    return a + b if sign == "+" else a - b if sign == "-" else a * b


def in_words(number: int) -> list[str]:
    """All spellings of a number from 0 to 999: ``["25", "twenty-five", "twenty five"]``."""
    return list(dict.fromkeys([str(number), _spelled(number, "-"), _spelled(number, " ")]))


def _spelled(number: int, hyphen: str) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (hyphen + ONES[ones] if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ONES[hundreds]} hundred" + (f" and {_spelled(rest, hyphen)}" if rest else "")


def _pool(sign: str) -> Iterator[Sum]:
    first, second = {"+": (31, 31), "-": (31, 31), "*": (13, 13)}[sign]
    for a in range(2, first):
        for b in range(2, second):
            each = (sign, a, b)
            ordered = a > b if sign == "-" else a >= b
            if ordered and result(each) not in (a, b) and result(each) > 0 and each not in _trained():
                yield each


def _asked(draw: Draw, each: Sum) -> Question:
    sign, a, b = each
    if sign != "-" and draw.below(2):
        a, b = b, a
    return question("arithmetic", draw.one(WORDINGS[sign]).format(a=a, b=b), in_words(result(each)))


@cache
def _trained() -> frozenset[Sum]:
    """The sums among the known questions, with the larger number first."""
    found: set[Sum] = set()
    for (text,) in lines("asked_before"):
        numbers = sorted((int(number) for number in re.findall(r"\d+", text)), reverse=True)
        if len(numbers) == 2:
            sign = "-" if "minus" in text else "*" if "times" in text else "+"
            found.add((sign, numbers[0], numbers[1]))
    return frozenset(found)
