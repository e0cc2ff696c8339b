"""Scores how similar an answer is to the nearest accepted answer, by the edit distances of rapidfuzz."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any

from rapidfuzz import fuzz

from evaluators.scoring.scorer import Compared, ScorerType, Stat, no_reference, read_choice, read_flag, references_of
from fairtrial.domain.run import Answer, Case, Score

METHODS = ("ratio", "partial_ratio", "token_sort_ratio", "token_set_ratio", "WRatio")


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """``similarity``: from 0 to 1, where 1 is an equal text."""

    name: str
    method: str
    case: bool
    compare: Callable[[str, str], float]

    @property
    def version(self) -> str:
        case = "mixed" if self.case else "casefold"
        return f"fuzzy/1 method:{self.method} case:{case} references:best rapidfuzz:{installed('rapidfuzz')}"

    stats = (Stat("similarity", "mean"),)

    def case_problem(self, case: Case) -> str | None:
        return no_reference(case.expected)

    def score(self, case: Case, answer: Answer) -> Score:
        answered = self._compared(answer.text or "")
        best = max(self.compare(answered, self._compared(reference)) for reference in references_of(case.expected))
        return Score(self.name, {"similarity": best / 100})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        prediction, *references = map(self._compared, (answer.text or "", *references_of(case.expected)))
        best = max(references, key=lambda reference: self.compare(prediction, reference))
        return Compared(prediction, tuple(references), f"{self.method} finds it nearest to {best!r}")

    def _compared(self, text: str) -> str:
        return text.strip() if self.case else text.strip().casefold()


def build(options: Mapping[str, Any], name: str) -> Fuzzy:
    method = read_choice(options, "method", METHODS)
    return Fuzzy(name, method, read_flag(options, "case", default=True), getattr(fuzz, method))


scorer = ScorerType(
    summary="The similarity to the nearest accepted answer, exactly rapidfuzz's, divided by 100.",
    options={
        "method": "A function of `rapidfuzz.fuzz`: `ratio` (default), `partial_ratio`, `token_sort_ratio`, "
        "`token_set_ratio` or `WRatio`.",
        "case": "`yes` (default) respects case; `no` ignores it.",
    },
    build=build,
    short="method",
)
