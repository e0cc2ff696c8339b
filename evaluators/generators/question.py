"""Defines generated questions with their accepted answers, and families of questions that share a form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evaluators.generators.draw import Draw

POOLS = Path(__file__).parent / "pools"


@dataclass(frozen=True, slots=True)
class Question:
    """An answer is right if it contains one of the ``accepted`` texts as whole words, in any case."""

    text: str
    accepted: tuple[str, ...]


def question(text: str, accepted: Sequence[str]) -> Question:
    """A question whose accepted answers are also accepted without accents."""
    spelled = [form for answer in accepted for form in (answer, without_accents(answer))]
    return Question(text, tuple(dict.fromkeys(spelled)))


def without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def normalise(text: str) -> str:
    """Only letters, digits and arithmetic signs, in lower case, with one space between words."""
    return " ".join(re.findall(r"[^\W_]+|[+*×÷]|-(?=\s)", text.lower()))


def contains(text: str, answer: str) -> bool:
    """Whether the text contains the answer as whole words."""
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE) is not None


def gives_away(text: str, asked: Question) -> bool:
    """Whether repeating the text would pass as an answer to the question."""
    return any(contains(text, answer) for answer in asked.accepted)


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
class Family:
    """``pool`` makes all questions; ``example``, a question with its answer, is the turn before each of them."""

    name: str
    kind: str
    pool: Callable[[], Iterable[Question]]
    example: tuple[str, str] | None = None

    def messages(self, asked: Question) -> list[dict[str, str]]:
        """The example as finished turns, then the question."""
        last = {"role": "user", "content": asked.text}
        if self.example is None:
            return [last]
        question, answer = self.example
        return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}, last]

    def questions(self) -> list[Question]:
        """The questions of the pool that are fit to be asked, each once, in the pool's order."""
        return list(dict.fromkeys(asked for asked in self.pool() if self._fit(asked)))

    def draw(self, seed: int, count: int) -> list[Question]:
        """``count`` different questions in random order; raises `ValueError` if the pool has fewer."""
        fit = self.questions()
        if len(fit) < count:
            raise ValueError(f"{self.name}: the pool has {len(fit)} questions, but {count} are needed")
        return Draw(seed, self.name).shuffled(fit)[:count]

    def _fit(self, asked: Question) -> bool:
        """Repeating the question or the example doesn't pass, and no fine-tune was trained on the question."""
        shown = (asked.text, *(self.example or ()))
        return not any(gives_away(text, asked) for text in shown) and normalise(asked.text) not in known_questions()
