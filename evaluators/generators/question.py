"""Defines a generated question and its accepted answers, and reads the pools that questions are made from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
