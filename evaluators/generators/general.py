"""Generates the suite of short general questions, which detects what a fine-tune has forgotten.

The families are those of which the base alone answers 40 to 80 % right, by `benchmarks/general_pilot.py`. The committed
suite has the seed 20261201. Families, sizes, seed and gate were fixed before any fine-tune answered one of its
questions, and no question was chosen by its outcome. Other seeds draw other questions from the same pools.

    python -m evaluators.generators.general --seed 20261201 --out suites/general/questions.jsonl
"""

import argparse
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evaluators.probes.rows import Draw

POOLS = Path(__file__).parent / "pools"
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


@dataclass(frozen=True, slots=True)
class GeneralQuestion:
    """An answer is right if it contains one of the ``accepted`` texts as whole words, in any case."""

    text: str
    accepted: tuple[str, ...]


def question(text: str, accepted: Sequence[str]) -> GeneralQuestion:
    """A question whose accepted answers are also accepted without accents."""
    spelled = [form for answer in accepted for form in (answer, without_accents(answer))]
    return GeneralQuestion(text, tuple(dict.fromkeys(spelled)))


def without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def normalise(text: str) -> str:
    """Only letters, digits and arithmetic signs, in lower case, with one space between words."""
    return " ".join(re.findall(r"[^\W_]+|[+*×÷]|-(?=\s)", text.lower()))


def contains(text: str, answer: str) -> bool:
    """Whether the text contains the answer as whole words."""
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE) is not None


def lines(pool: str) -> list[list[str]]:
    """The rows of a pool file, with columns separated by ``|``; comments start with ``#``."""
    text = (POOLS / f"{pool}.txt").read_text(encoding="utf-8")
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line and line[0] != "#"]


def answers(cell: str) -> list[str]:
    """The accepted answers in a cell, separated by ``;``."""
    return [answer.strip() for answer in cell.split(";")]


@cache
def known_questions() -> frozenset[str]:
    """The normalised questions of the fine-tunes' training data and of the suite of forty."""
    return frozenset(normalise(cells[0]) for cells in lines("asked_before"))


@dataclass(frozen=True, slots=True)
class QuestionFamily:
    """``pool`` makes all questions; ``example``, a question with its answer, is the turn before each of them."""

    name: str
    kind: str
    pool: Callable[[], Iterable[GeneralQuestion]]
    example: tuple[str, str] | None = None

    def messages(self, item: GeneralQuestion) -> list[dict[str, str]]:
        """The example as finished turns, then the question."""
        last = {"role": "user", "content": item.text}
        if self.example is None:
            return [last]
        question, answer = self.example
        return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}, last]

    def questions(self) -> list[GeneralQuestion]:
        """The fit questions of the pool, each once, in the pool's order."""
        return list(dict.fromkeys(item for item in self.pool() if self._fit(item)))

    def draw(self, seed: int, count: int) -> list[GeneralQuestion]:
        """``count`` different questions in random order; raises `ValueError` if the pool has fewer."""
        fit = self.questions()
        if len(fit) < count:
            raise ValueError(f"{self.name}: the pool has {len(fit)} questions, but {count} are needed")
        return Draw(seed, self.name).shuffled(fit)[:count]

    def _fit(self, item: GeneralQuestion) -> bool:
        """Repeating the question or the example doesn't pass, and no fine-tune was trained on the question."""
        shown = (item.text, *(self.example or ()))
        given_away = any(contains(text, answer) for text in shown for answer in item.accepted)
        return not given_away and normalise(item.text) not in known_questions()


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


def _sum_question(text: str, result: int) -> GeneralQuestion:
    return question(text, in_words(result))


def _sums() -> Iterator[GeneralQuestion]:
    """Two numbers from 2 to 19, the larger one first, so that no sum occurs in two orders."""
    return (_sum_question(f"What is {a} + {b}?", a + b) for a in range(2, 20) for b in range(2, a + 1))


def _round_sums() -> Iterator[GeneralQuestion]:
    """Two multiples of ten, or two multiples of a hundred, the larger one first."""
    steps = [(a * unit, b * unit) for unit in (10, 100) for a in range(1, 10) for b in range(1, a + 1)]
    return (_sum_question(f"What is {a} + {b}?", a + b) for a, b in steps if a + b < 1000)


def _differences() -> Iterator[GeneralQuestion]:
    """A number up to 15 minus a smaller one."""
    return (_sum_question(f"What is {a} - {b}?", a - b) for a in range(3, 16) for b in range(1, a))


def _products() -> Iterator[GeneralQuestion]:
    """The numbers from 2 to 15 times the numbers from 2 to 12, the larger one first."""
    return (_sum_question(f"What is {a} times {b}?", a * b) for a in range(2, 16) for b in range(2, min(a, 12) + 1))


SUMS = QuestionFamily("sums", ARITHMETIC, _sums, ("What is 2 + 3?", "2 + 3 = 5"))
ROUND_SUMS = QuestionFamily("round_sums", ARITHMETIC, _round_sums, ("What is 20 + 30?", "20 + 30 = 50"))
DIFFERENCES = QuestionFamily("differences", ARITHMETIC, _differences, ("What is 9 - 4?", "9 - 4 = 5"))
PRODUCTS = QuestionFamily("products", ARITHMETIC, _products, ("What is 2 times 4?", "2 times 4 = 8"))


def _capitals() -> Iterator[GeneralQuestion]:
    return (question(f"What is the capital of {row[0]}?", answers(row[1])) for row in lines("capitals"))


def _facts() -> Iterator[GeneralQuestion]:
    return (question(row[0], answers(row[1])) for row in lines("facts"))


CAPITALS = QuestionFamily(
    "capitals", KNOWLEDGE, _capitals, ("What is the capital of France?", "The capital of France is Paris.")
)
FACTS = QuestionFamily("facts", KNOWLEDGE, _facts, ("What do bees make?", "Bees make honey."))


def form_of_word(pool: str, form: str, word: str, answer: str) -> QuestionFamily:
    """The form of each word in the pool, whose second column has the accepted answers; the example is not in it."""

    def questions() -> Iterator[GeneralQuestion]:
        return (question(f"What is the {form} of '{row[0]}'?", answers(row[1])) for row in lines(pool))

    example = (f"What is the {form} of '{word}'?", f"The {form} of '{word}' is '{answer}'.")
    return QuestionFamily(pool, KNOWLEDGE, questions, example)


OPPOSITES = form_of_word("opposites", "opposite", "hot", "cold")
PLURALS = form_of_word("plurals", "plural", "mouse", "mice")


SIZES: Sequence[tuple[QuestionFamily, int]] = (
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


def rows_of(family: QuestionFamily, drawn: Sequence[GeneralQuestion]) -> list[dict[str, Any]]:
    return [_row(f"{family.name}-{number:03d}", family, item) for number, item in enumerate(drawn, 1)]


def text(seed: int) -> str:
    """The file of a seed as JSON lines, with the same bytes on every Python version."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(seed))


def _row(name: str, family: QuestionFamily, item: GeneralQuestion) -> dict[str, Any]:
    return {
        "id": name,
        "messages": family.messages(item),
        "contains_any": list(item.accepted),
        "kind": family.kind,
        "family": family.name,
    }


def main() -> None:
    """Write the questions of a seed to a file."""
    parser = argparse.ArgumentParser(description="Generate the suite of short general questions for a seed.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True)
    namespace = parser.parse_args()
    namespace.out.write_text(text(namespace.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
