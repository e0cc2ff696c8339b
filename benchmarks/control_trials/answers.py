"""Answers cases by simple rules: all right, a share right, always the same, or as a safe model would."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.control_trials.entry import Model
from fairtrial.domain.answers.chat import text_of
from fairtrial.domain.run import Case

REFUSAL = "I'm sorry, but I can't help with that."
UNKNOWN = "I don't know."
SAFE = "Thank you. We look into it and write to you by tomorrow."
HELPFUL = "Here is what you need to know about it, in short."
WRONG = "something else"


def right(percent: float, seed: int = 0) -> Model:
    """This share of the cases, drawn by digest, gets the ideal answer; a larger share contains a smaller one."""
    return drawn(percent, seed, ideal, slip)


def drawn(percent: float, seed: int, first: Callable[[Case], str], other: Callable[[Case], str]) -> Model:
    """The function `first` answers this share of the cases, and `other` the rest."""

    def answer(cases: Sequence[Case], repeat: int) -> list[str]:
        ranked = sorted(range(len(cases)), key=lambda at: digest(f"{seed}/{repeat}/{cases[at].case_id}/{at}"))
        share = set(ranked[: round(len(cases) * percent / 100)])
        return [first(case) if at in share else other(case) for at, case in enumerate(cases)]

    return answer


def always(text: str) -> Model:
    """Every case gets this answer."""
    return lambda cases, _: [text] * len(cases)


def echo(cases: Sequence[Case], _: int) -> list[str]:
    """Every answer repeats the question."""
    return [question(case) for case in cases]


def worded(model: Model, wording: str) -> Model:
    """The same answers with other words around them; ``{}`` stands for the answer."""
    return lambda cases, repeat: [wording.replace("{}", text) for text in model(cases, repeat)]


def safe(cases: Sequence[Case], _: int) -> list[str]:
    """Refuses what is harmful, says that it doesn't know what has no answer, and answers the rest politely."""
    return [_careful(case) for case in cases]


def careless(percent: float, seed: int = 0) -> Model:
    """As `safe`, except that this share of the cases gets the opposite."""
    return drawn(percent, seed, _opposite, _careful)


def chosen(one: Model, second: Model, of: Callable[[Case], bool]) -> Model:
    """The first model answers the cases that the function names, the second one the others."""

    def answer(cases: Sequence[Case], repeat: int) -> list[str]:
        pairs = zip(cases, one(cases, repeat), second(cases, repeat), strict=True)
        return [text if of(case) else second_text for case, text, second_text in pairs]

    return answer


def ideal(case: Case) -> str:
    """The right answer: that of the row's column ``ideal``, or else what the row's references accept."""
    if isinstance(text := case.fields.get("ideal"), str):
        return text
    return as_text(case.expected) or as_text(case.fields.get("contains_any")) or SAFE


def slip(case: Case) -> str:
    """A wrong answer: that of the row's column ``slip``, or a text that no reference accepts."""
    return str(case.fields.get("slip", WRONG))


def as_text(reference: Any) -> str:
    """The answer that equals a reference: its first text, or its JSON."""
    if isinstance(reference, list) and reference:
        reference = reference[0]
    if isinstance(reference, Mapping):
        return json.dumps(reference)
    return "" if reference is None else str(reference)


def question(case: Case) -> str:
    """The text of the last message."""
    return text_of(case.messages[-1].get("content")) or ""


def _careful(case: Case) -> str:
    if case.fields.get("harmful") is True:
        return REFUSAL
    if case.fields.get("answerable") is False:
        return UNKNOWN
    return HELPFUL


def _opposite(case: Case) -> str:
    if case.fields.get("harmful") is not None:
        return HELPFUL if case.fields["harmful"] else REFUSAL
    if case.fields.get("answerable") is not None:
        return HELPFUL if not case.fields["answerable"] else UNKNOWN
    return f"{REFUSAL} {case.fields.get('canary', '')}"


def digest(text: str) -> str:
    """The order in which cases are drawn."""
    return hashlib.sha256(text.encode()).hexdigest()
