"""Scores whether an answer equals, begins or ends with an accepted one: stripped, raw, or by SQuAD v1.1 with F1."""

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.scorer import Compared, ScorerType, Stat, no_reference, read_choice, references_of
from fairtrial.domain.run import Answer, Case, Score

MODES = ("strip", "raw", "squad")
COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "equal": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "within": lambda answer, accepted: (
        accepted in answer or answer in accepted if answer and accepted else answer == accepted
    ),
}
VERBS = {"equal": ("equals", "equal"), "prefix": ("begins with", "begin with"), "suffix": ("ends with", "end with")}
ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Exact:
    """``accuracy``: 1 if the answer equals an accepted one, or begins or ends with it by ``match``.

    In the mode ``squad`` the stats are ``em`` and ``f1``.
    """

    name: str
    mode: str
    match: str = "equal"

    @property
    def version(self) -> str:
        return f"exact/1 mode:{self.mode}" + (f" match:{self.match}" if self.match != "equal" else "")

    @property
    def stats(self) -> Sequence[Stat]:
        return (
            (Stat("em", "proportion"), Stat("f1", "mean"))
            if self.mode == "squad"
            else (Stat("accuracy", "proportion"),)
        )

    def case_problem(self, case: Case) -> str | None:
        return no_reference(case.expected)

    def score(self, case: Case, answer: Answer) -> Score:
        text = answer.text or ""
        accepted = references_of(case.expected)
        if self.mode == "squad":
            return self._squad(text, accepted)
        norm = NORMS[self.mode]
        right = any(COMPARE[self.match](norm(text), norm(reference)) for reference in accepted)
        return Score(self.name, {"accuracy": float(right)}, {"compared": norm(text)})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        prediction, *references = map(NORMS[self.mode], (answer.text or "", *references_of(case.expected)))
        met = next((reference for reference in references if COMPARE[self.match](prediction, reference)), None)
        does, do = VERBS[self.match]
        why = f"the answer does not {do} an accepted one" if met is None else f"the answer {does} {met!r}"
        if self.mode == "squad" and met is None:
            best = max(references, key=lambda candidate: squad_f1(prediction, candidate))
            why += f"; {_shared(prediction, best)} of its {len(prediction.split())} words are among the "
            why += f"{len(best.split())} of {best!r}"
        return Compared(prediction, tuple(references), why)

    def _squad(self, text: str, accepted: Sequence[str]) -> Score:
        values = {
            "em": max(
                float(COMPARE[self.match](squad_normal(text), squad_normal(reference))) for reference in accepted
            ),
            "f1": max(squad_f1(text, reference) for reference in accepted),
        }
        return Score(self.name, values, {"compared": squad_normal(text)})


def squad_normal(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces (Rajpurkar et al. 2016, evaluate-v1.1)."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def squad_f1(text: str, accepted: str) -> float:
    """F1 over the multisets of words, in [0, 1] (evaluate-v1.1; the script multiplies by 100)."""
    left, right = squad_normal(text), squad_normal(accepted)
    shared = _shared(left, right)
    if shared == 0:
        return 0.0
    precision, recall = shared / len(left.split()), shared / len(right.split())
    return (2 * precision * recall) / (precision + recall)


def _shared(left: str, right: str) -> int:
    """The number of words that two normalised texts have in common."""
    return sum((Counter(left.split()) & Counter(right.split())).values())


NORMS: Mapping[str, Callable[[str], str]] = {"strip": str.strip, "raw": str, "squad": squad_normal}


def build(options: Mapping[str, Any], name: str) -> Exact:
    mode, match = read_choice(options, "mode", MODES), read_choice(options, "match", list(COMPARE))
    if mode == "squad" and match not in ("equal", "within"):
        raise ValueError("match: SQuAD compares whole answers; 'within' is the fuzzy match of OpenAI's registry")
    return Exact(name, mode, match)


scorer = ScorerType(
    summary="The answer equals one of the accepted answers in `expected`.",
    options={
        "mode": "`strip` (default): surrounding white space is ignored; `raw`: every character counts; "
        "`squad`: the normalisation of SQuAD v1.1, with the stats `em` and `f1`.",
        "match": "`equal` (default), or whether the answer begins (`prefix`) or ends (`suffix`) with an accepted "
        "one. `within`: one contains the other; with `squad` this is the fuzzy match of OpenAI's registry of evals.",
    },
    build=build,
    short="mode",
)
