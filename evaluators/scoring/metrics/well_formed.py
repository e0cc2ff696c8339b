"""Scores whether an answer is usable at all: not empty, without control characters or loops, and JSON where needed."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.answer_text import NotJson, expected_object, parse_object
from evaluators.scoring.scorer import Compared, OffFormat, ScorerType, Stat, read_choice
from fairtrial.domain.run import Answer, Case, Score

SHORTEST_LOOP = 120
WINDOW = 8
FEWEST_DISTINCT = 0.25
"""A text loops if it has at least `SHORTEST_LOOP` characters, and fewer than this share of its windows are distinct."""
JSON = ("auto", "yes", "no")
MOST_CHARS = 20_000
ALLOWED = "\t\n\r‌‍"
"""Control and format characters that ordinary text has; the last two join letters and emoji."""


@dataclass(frozen=True, slots=True)
class WellFormed:
    """``accuracy``: 1 if nothing is wrong with the form of the answer, whatever it says."""

    name: str
    json: str

    @property
    def version(self) -> str:
        return f"well-formed/1 json:{self.json} unicode:{unicodedata.unidata_version.split('.')[0]}"

    stats = (Stat("accuracy", "proportion"),)

    def score(self, case: Case, answer: Answer) -> Score:
        text = answer.text or ""
        wrong = [
            why
            for why, occurs in (
                ("empty", not text.strip()),
                ("control characters", has_controls(text[:MOST_CHARS])),
                ("loop", loops(text[:MOST_CHARS])),
            )
            if occurs
        ]
        reference = expected_object(case.expected) if self.json == "auto" else None
        if self.json == "yes" or reference is not None:
            try:
                absent = (reference or {}).keys() - parse_object(text).keys()
            except NotJson as error:
                raise OffFormat(str(error), self._score([*wrong, "not JSON"])) from error
            wrong += [f"no field {field!r}" for field in sorted(absent)]
        return self._score(wrong)

    def normalised(self, case: Case, answer: Answer) -> Compared:
        wrong = self.score(case, answer).details.get("wrong", [])
        return Compared(answer.text or "", (), ", ".join(wrong) or "nothing is wrong with the form of the answer")

    def _score(self, wrong: Sequence[str]) -> Score:
        return Score(self.name, {"accuracy": float(not wrong)}, {"wrong": list(wrong)} if wrong else {})


def has_controls(text: str) -> bool:
    """Whether a text has control, format or unassigned characters, which readers and programs handle badly."""
    for char in ALLOWED:
        text = text.replace(char, "")
    return not text.isprintable() and any(unicodedata.category(char) in ("Cc", "Cf", "Cn", "Cs") for char in text)


def loops(text: str) -> bool:
    """Whether a text repeats itself, as a model does that found no end."""
    if len(text) < SHORTEST_LOOP:
        return False
    windows = range(len(text) - WINDOW + 1)
    enough, distinct = FEWEST_DISTINCT * len(windows), set[str]()
    for start in range(0, len(windows), SHORTEST_LOOP):  # few of them suffice for most texts
        distinct.update(text[at : at + WINDOW] for at in windows[start : start + SHORTEST_LOOP])
        if len(distinct) >= enough:
            return False
    return True


def build(options: Mapping[str, Any], name: str) -> WellFormed:
    return WellFormed(name, read_choice(options, "json", JSON))


scorer = ScorerType(
    summary="The answer is not empty, has no control characters, does not loop, and is JSON where the reference is.",
    options={
        "json": "`auto` (default) requires a JSON object with the same fields if the row's `expected` is one. `yes` "
        "requires an object of every answer, and `no` of none.",
    },
    build=build,
    short="json",
)
