"""Families of small sums, each with a worked example, because the base answers them well only after one."""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.generators.family import Family
from evaluators.generators.numbers import in_words
from evaluators.generators.question import Question, question

KIND = "arithmetic"


def _asked(text: str, result: int) -> Question:
    return question(text, in_words(result))


def _sums() -> Iterator[Question]:
    """Two numbers from 2 to 19, the larger one first, so that no sum is asked in two orders."""
    return (_asked(f"What is {a} + {b}?", a + b) for a in range(2, 20) for b in range(2, a + 1))


def _round_sums() -> Iterator[Question]:
    """Two multiples of ten, or two multiples of a hundred, the larger one first."""
    steps = [(a * unit, b * unit) for unit in (10, 100) for a in range(1, 10) for b in range(1, a + 1)]
    return (_asked(f"What is {a} + {b}?", a + b) for a, b in steps if a + b < 1000)


def _differences() -> Iterator[Question]:
    """A number up to 15 minus a smaller one."""
    return (_asked(f"What is {a} - {b}?", a - b) for a in range(3, 16) for b in range(1, a))


def _products() -> Iterator[Question]:
    """The numbers from 2 to 15 times the numbers from 2 to 12, the larger one first."""
    return (_asked(f"What is {a} times {b}?", a * b) for a in range(2, 16) for b in range(2, min(a, 12) + 1))


SUMS = Family("sums", KIND, _sums, ("What is 2 + 3?", "2 + 3 = 5"))
ROUND_SUMS = Family("round_sums", KIND, _round_sums, ("What is 20 + 30?", "20 + 30 = 50"))
DIFFERENCES = Family("differences", KIND, _differences, ("What is 9 - 4?", "9 - 4 = 5"))
PRODUCTS = Family("products", KIND, _products, ("What is 2 times 4?", "2 times 4 = 8"))
