"""One generated question, what makes an answer right, and when a question is unfit to be asked."""

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
    """``accepted``: an answer is right when it contains one of these as whole words, in upper or lower case."""

    kind: str
    text: str
    accepted: tuple[str, ...]


def question(kind: str, text: str, accepted: Sequence[str]) -> Question:
    """A question whose accepted answers may also be written without accents."""
    spelled = [form for answer in accepted for form in (answer, without_accents(answer))]
    return Question(kind, text, tuple(dict.fromkeys(spelled)))


def without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def normalised(text: str) -> str:
    """Letters and digits and signs of arithmetic, lower case, one space between words."""
    return " ".join(re.findall(r"[^\W_]+|[+*×]|-(?=\s)", text.lower()))


def contains(text: str, answer: str) -> bool:
    """Whether the text has the answer as whole words."""
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE) is not None


def fit(asked: Question) -> bool:
    """Whether an echo of the question would not already pass, and nobody was trained on it."""
    echoed = asked.kind != "reading" and any(contains(asked.text, answer) for answer in asked.accepted)
    return not echoed and normalised(asked.text) not in asked_before()


def lines(pool: str) -> list[list[str]]:
    """The rows of a pool file: its columns, split at ``|``; comments start with ``#``."""
    text = (POOLS / f"{pool}.txt").read_text(encoding="utf-8")
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line and line[0] != "#"]


def answers(cell: str) -> list[str]:
    """The accepted answers of a cell, split at ``;``."""
    return [answer.strip() for answer in cell.split(";")]


@cache
def asked_before() -> frozenset[str]:
    """The questions that the fine-tunes were trained on, or that the suite of forty asks, normalised."""
    return frozenset(normalised(cells[0]) for cells in lines("asked_before"))
