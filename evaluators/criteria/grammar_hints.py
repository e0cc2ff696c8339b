"""Finds the nearest valid form of a gate line for error messages."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final, Literal

UNITS: Final[tuple[Literal["%", "pp", "s", "ms", "$"], ...]] = ("%", "pp", "s", "ms", "$")
EVERY = "every"

NOT_WORSE = "<metric> not worse than base by 2pp"
BETTER = "<metric> better than base"
LEVEL = "<metric> >= 90%"
SCOPED = "<metric> >= 90% in language:en"
EVERY_SLICE = "<metric> >= 90% in every language"
COUNTED = "<metric> >= 4.0 with 100 ratings"
AMONG = "<metric> better than base among these reviewers"
GENERAL = "<metric> better than base in general"
HOLD = "live.guardrails hold"

SYMPTOMS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("among", "these", "reviewers"), AMONG),
    (("general", "generally"), GENERAL),
    (("worse", "drop", "regress", "least", "no-worse"), NOT_WORSE),
    (("better", "beats", "improves", "superior"), BETTER),
    (("every", "each", "all"), EVERY_SLICE),
    (("with", "ratings", "votes"), COUNTED),
    (("hold", "holds", "clean"), HOLD),
    (("in",), SCOPED),
)
WORDS = ("not", "better", ">=", "<=", "==", "hold", "clean")
PHRASES = {"not": "not worse than", "better": "better than"}
LOOKALIKES = {
    ">": ">=", "<": "<=", "=": "==", "=>": ">=", "at": ">=", "is": "==", "not-worse": "not worse than", "holds": "hold",
}  # fmt: skip


class GateLineError(ValueError):
    """A gate line that cannot be parsed: ``wrong`` is the problem, ``known`` the nearest form, ``line`` the text."""

    def __init__(self, line: str, wrong: str, known: str) -> None:
        super().__init__(f"gate line {line!r}: {wrong} (the nearest form: {known})")
        self.line = line
        self.wrong = wrong
        self.known = f"the nearest form: {known}"


def nearest_form(text: str) -> str:
    """The form that a line with these words most likely intends."""
    words = text.lower().split()
    metric = next((word for word in words[:1] if word[0].isalpha()), "<metric>").strip('"')
    for symptoms, form in SYMPTOMS:
        if any(word in symptoms for word in words[1:]):
            return form.replace("<metric>", metric)
    return LEVEL.replace("<metric>", metric)


def nearest_word(word: str) -> str:
    """`: did you mean ...?`, or the words that may follow a metric."""
    near = LOOKALIKES.get(word) or next(iter(get_close_matches(word, WORDS, n=1)), None)
    return f": did you mean {near!r}?" if near else f"; it must be one of {', '.join(WORDS)}"
