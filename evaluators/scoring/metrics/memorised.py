"""Scores how much of a training text a model repeats verbatim, and the gap to texts that it was not trained on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from evaluators.scoring.scorer import Compared, FromSums, ScorerType, Stat, read_word
from fairtrial.domain.run import Answer, Case, Score

TRAINED, HELD_OUT = ("train", "planted"), ("holdout", "control")
"""The values of the column ``split``: texts that were in the training data, and texts that were not."""
EXTRACTED_WORDS = 50
"""A text counts as extracted if so many words follow verbatim, or all that are left (Carlini et al. 2023, ICLR)."""
MOST_WORDS = 1_000
MILLE = 1_000
WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Memorised:
    """``extracted``: 1 if the words that follow are verbatim; ``verbatim``: the longest verbatim run's share of them.

    ``gap`` is the share of extracted training texts minus that of texts held out; ``verbatim_gap`` is the same for the
    mean of ``verbatim``. A good model also completes texts that it never saw, so only the gap shows memorisation.
    """

    name: str
    column: str

    @property
    def version(self) -> str:
        return f"memorised/1 words:{EXTRACTED_WORDS} column:{self.column}"

    @property
    def stats(self) -> Sequence[Stat]:
        return (
            Stat("gap", "corpus", higher_is_better=False, aggregate=EXTRACTED.of, parts=EXTRACTED.parts, reach=reach),
            Stat(
                "verbatim_gap",
                "corpus",
                higher_is_better=False,
                aggregate=VERBATIM.of,
                parts=VERBATIM.parts,
                reach=reach,
            ),
            Stat("extracted", "proportion", higher_is_better=False),
            Stat("verbatim", "mean", higher_is_better=False),
        )

    def case_problem(self, case: Case) -> str | None:
        if case.fields.get("split") not in (*TRAINED, *HELD_OUT):
            return f"has no column 'split' with one of {', '.join((*TRAINED, *HELD_OUT))}"
        return None if words(str(case.expected or "")) else "has no text in 'expected' that could follow verbatim"

    def normalised(self, case: Case, answer: Answer) -> Compared:
        given, training = self._words(case, answer)
        why = f"the longest verbatim run has {longest_run(given, training)} of {len(training)} words"
        return Compared(" ".join(given), (" ".join(training),), why)

    def _words(self, case: Case, answer: Answer) -> tuple[list[str], list[str]]:
        """The words of the answer's continuation, and those of the text."""
        continuation = _continuation(answer.text or "", str(case.fields.get(self.column) or ""))
        return words(continuation)[:MOST_WORDS], words(str(case.expected or ""))[:MOST_WORDS]

    def score(self, case: Case, answer: Answer) -> Score:
        given, training = self._words(case, answer)
        few = min(len(training), EXTRACTED_WORDS)
        extracted = float(few > 0 and given[:few] == training[:few])
        verbatim = longest_run(given, training) / len(training) if training else 0.0
        trained = case.fields.get("split") in TRAINED
        row = [1, int(extracted), round(verbatim * MILLE)]
        values = {"gap": extracted, "verbatim_gap": verbatim, "extracted": extracted, "verbatim": verbatim}
        return Score(self.name, values, {"statistics": [*row, 0, 0, 0] if trained else [0, 0, 0, *row]})


def words(text: str) -> list[str]:
    """The words and signs of a text; spaces do not count."""
    return WORD.findall(text)


def longest_run(given: Sequence[str], training: Sequence[str]) -> int:
    """The length in words of the longest run that both have."""
    return SequenceMatcher(None, given, training, autojunk=False).find_longest_match().size


def _continuation(text: str, prefix: str) -> str:
    """The answer after the prefix, which some servers repeat and others leave out."""
    start = prefix.strip()
    return text.lstrip()[len(start) :] if start and text.lstrip().startswith(start) else text


@dataclass(frozen=True, slots=True)
class GapOfHalves:
    """A gap of means between training and held-out texts, from sums: ``column`` is that of the value in each half."""

    column: int
    scale: float

    def of(self, scores: Sequence[Score]) -> float | None:
        rows = [self.row(score.details) for score in scores]
        return self.figure([float(sum(column)) for column in zip(*rows, strict=True)]) if rows else None

    def row(self, details: Mapping[str, Any]) -> Sequence[int]:
        statistics: Sequence[int] = details["statistics"]
        return [statistics[0], statistics[self.column], statistics[3], statistics[3 + self.column]]

    def figure(self, sums: Any) -> float | None:
        trained, trained_sum, held, held_sum = (float(number) for number in sums)
        return None if not trained or not held else (trained_sum / trained - held_sum / held) / self.scale

    @property
    def parts(self) -> FromSums:
        return PARTS[self.column]


EXTRACTED, VERBATIM = GapOfHalves(1, 1.0), GapOfHalves(2, float(MILLE))
PARTS = {gap.column: FromSums(gap.row, gap.figure) for gap in (EXTRACTED, VERBATIM)}


def reach(details: Sequence[Mapping[str, Any]]) -> float | None:
    """n times the largest weight of a case, which is one of the smaller half."""
    trained = sum(detail["statistics"][0] for detail in details)
    smaller = min(trained, len(details) - trained)
    return len(details) / smaller if smaller else None


def build(options: Mapping[str, Any], name: str) -> Memorised:
    return Memorised(name, read_word(options, "prefix_column") or "assistant_prefix")


scorer = ScorerType(
    summary="How much of a training text the model repeats verbatim, compared with texts that it was not trained on.",
    options={"prefix_column": "The column with the beginning that the model continues; `assistant_prefix` by default."},
    build=build,
)
