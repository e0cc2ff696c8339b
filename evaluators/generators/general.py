"""Generates the suite of short general questions, which detects what a fine-tune has forgotten.

The families are those of which the base alone answers 40 to 80 % right, by `benchmarks/general_pilot.py`. The committed
suite has the seed 20261201. Families, sizes, seed and gate were fixed before any fine-tune answered one of its
questions, and no question was chosen by its outcome. Other seeds draw other questions from the same pools.

    python -m evaluators.generators.general --seed 20261201 --out suites/general/questions.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from evaluators.generators.draw import Draw
from evaluators.generators.question import Family, Question, answers, lines, question

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
ARITHMETIC = "arithmetic"
KNOWLEDGE = "knowledge"
SEED = 20261201


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


SUMS = Family("sums", ARITHMETIC, _sums, ("What is 2 + 3?", "2 + 3 = 5"))
ROUND_SUMS = Family("round_sums", ARITHMETIC, _round_sums, ("What is 20 + 30?", "20 + 30 = 50"))
DIFFERENCES = Family("differences", ARITHMETIC, _differences, ("What is 9 - 4?", "9 - 4 = 5"))
PRODUCTS = Family("products", ARITHMETIC, _products, ("What is 2 times 4?", "2 times 4 = 8"))


def _capitals() -> Iterator[Question]:
    return (question(f"What is the capital of {row[0]}?", answers(row[1])) for row in lines("capitals"))


def _facts() -> Iterator[Question]:
    return (question(row[0], answers(row[1])) for row in lines("facts"))


CAPITALS = Family(
    "capitals", KNOWLEDGE, _capitals, ("What is the capital of France?", "The capital of France is Paris.")
)
FACTS = Family("facts", KNOWLEDGE, _facts, ("What do bees make?", "Bees make honey."))


def form_of_word(pool: str, form: str, word: str, answer: str) -> Family:
    """The form of each word in the pool, whose second column has the accepted answers; the example is not in it."""

    def asked() -> Iterator[Question]:
        return (question(f"What is the {form} of '{row[0]}'?", answers(row[1])) for row in lines(pool))

    example = (f"What is the {form} of '{word}'?", f"The {form} of '{word}' is '{answer}'.")
    return Family(pool, KNOWLEDGE, asked, example)


OPPOSITES = form_of_word("opposites", "opposite", "hot", "cold")
PLURALS = form_of_word("plurals", "plural", "mouse", "mice")


# Generates the suite of short general questions, which detects what a fine-tune has forgotten.
#
# The families are those of which the base alone answers 40 to 80 % right, by `benchmarks/general_pilot.py`. The
# committed suite has the seed 20261201. Families, sizes, seed and gate were fixed before any fine-tune answered one of
# its questions, and no question was chosen by its outcome. Other seeds draw other questions from the same pools.
#
#     python -m evaluators.generators.general --seed 20261201 --out suites/general/questions.jsonl

SIZES: Sequence[tuple[Family, int]] = (
    (SUMS, 90),
    (PRODUCTS, 50),
    (DIFFERENCES, 40),
    (ROUND_SUMS, 40),
    (FACTS, 50),
    (CAPITALS, 50),
    (OPPOSITES, 40),
    (PLURALS, 40),
)


def rows(seed: int) -> list[dict[str, Any]]:
    """The rows of a seed: ``id``, ``messages``, ``contains_any``, ``kind`` and ``family``."""
    made = [row for family, count in SIZES for row in rows_of(family, family.draw(seed, count))]
    return Draw(seed, "order").shuffled(made)


def rows_of(family: Family, drawn: Sequence[Question]) -> list[dict[str, Any]]:
    return [_row(f"{family.name}-{number:03d}", family, asked) for number, asked in enumerate(drawn, 1)]


def text(seed: int) -> str:
    """The file of a seed as JSON lines, with the same bytes on every Python version."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(seed))


def _row(name: str, family: Family, asked: Question) -> dict[str, Any]:
    return {
        "id": name,
        "messages": family.messages(asked),
        "contains_any": list(asked.accepted),
        "kind": family.kind,
        "family": family.name,
    }


def main() -> None:
    """Write the questions of a seed to a file."""
    parser = argparse.ArgumentParser(description="Generate the suite of short general questions for a seed.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.write_text(text(asked.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
