"""Families that the pilot of the general suite tries, and that the suite does not use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluators.generators.general import (
    GeneralQuestion,
    QuestionFamily,
    answers,
    form_of_word,
    in_words,
    lines,
    question,
)


def _asked(text: str, result: int) -> GeneralQuestion:
    return question(text, in_words(result))


def _two_digit_sums() -> Iterator[GeneralQuestion]:
    return (_asked(f"What is {a} + {b}?", a + b) for a in range(10, 60) for b in range(10, 40))


def _missing_numbers() -> Iterator[GeneralQuestion]:
    return (_asked(f"{a} + ? = {a + b}", b) for a in range(1, 10) for b in range(1, 10))


def _next_numbers() -> Iterator[GeneralQuestion]:
    return (_asked(f"Which number comes after {a}?", a + 1) for a in range(3, 100))


def _sequences() -> Iterator[GeneralQuestion]:
    for first in range(1, 15):
        for step in (1, 2, 3, 5, 10):
            shown = ", ".join(str(first + place * step) for place in range(4))
            yield _asked(f"Continue: {shown},", first + 4 * step)


def _stories() -> Iterator[GeneralQuestion]:
    wording = "Tom has {a} apples and gets {b} more. How many apples does he have?"
    return (_asked(wording.format(a=a, b=b), a + b) for a in range(2, 12) for b in range(2, 10))


def _doubles() -> Iterator[GeneralQuestion]:
    return (_asked(f"What is double {a}?", 2 * a) for a in range(2, 61))


def _halves() -> Iterator[GeneralQuestion]:
    return (_asked(f"What is half of {a}?", a // 2) for a in range(4, 121, 2))


def _spanish() -> Iterator[GeneralQuestion]:
    return (question(f"What is the Spanish word for '{row[0]}'?", answers(row[1])) for row in lines("translations"))


COINS = "Ann has 2 coins and gets 3 more. How many coins does she have?"
UNUSED: Sequence[QuestionFamily] = (
    QuestionFamily("two_digit_sums", "arithmetic", _two_digit_sums, ("What is 12 + 13?", "12 + 13 = 25")),
    QuestionFamily("missing_numbers", "arithmetic", _missing_numbers, ("2 + ? = 5", "2 + 3 = 5")),
    QuestionFamily("next_numbers", "arithmetic", _next_numbers, ("Which number comes after 24?", "25")),
    QuestionFamily("sequences", "arithmetic", _sequences, ("Continue: 3, 5, 7, 9,", "11")),
    QuestionFamily("doubles", "arithmetic", _doubles, ("What is double 4?", "4 + 4 = 8")),
    QuestionFamily("halves", "arithmetic", _halves, ("What is half of 8?", "8 / 2 = 4")),
    QuestionFamily("stories", "arithmetic", _stories, (COINS, "2 + 3 = 5")),
    QuestionFamily(
        "spanish",
        "knowledge",
        _spanish,
        ("What is the Spanish word for 'hello'?", "The Spanish word for 'hello' is 'hola'."),
    ),
    form_of_word("pasts", "past tense", "find", "found"),
)
