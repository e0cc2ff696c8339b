"""Computes chrF and chrF++ with sacrebleu: the sums of the cases' n-gram statistics give its corpus score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring import options as read
from evaluators.scoring.scorer import FromSums, ScorerType, Stat
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class Chrf:
    """``corpus``, from 0 to 100. A single case has its sentence chrF, for information only."""

    name: str
    metric: Any

    @property
    def version(self) -> str:
        import sacrebleu

        case = "lc" if self.metric.lowercase else "mixed"
        orders = f"nc:{self.metric.char_order}|nw:{self.metric.word_order}"
        return f"chrf/1 case:{case}|eff:yes|{orders}|space:no|version:{sacrebleu.__version__}"

    @property
    def stats(self) -> Sequence[Stat]:
        parts = FromSums(_row, self._of_sums)
        return (Stat("corpus", "corpus", scale=100.0, aggregate=self._corpus, parts=parts),)

    def case_problem(self, case: Case) -> str | None:
        return read.no_reference(case.expected)

    def score(self, case: Case, answer: Answer) -> Score:
        references = [[one] for one in read.references(case.expected)]
        [statistics] = self.metric._extract_corpus_statistics([answer.text or ""], references)
        return Score(self.name, {"corpus": self._value(statistics)}, {"statistics": list(statistics)})

    def _corpus(self, scores: Sequence[Score]) -> float:
        columns = zip(*(_row(score.details) for score in scores), strict=True)
        return self._value([sum(column) for column in columns])

    def _of_sums(self, sums: Iterable[float]) -> float:
        return self._value([int(one) for one in sums])

    def _value(self, statistics: Sequence[int]) -> float:
        return float(self.metric._compute_score_from_stats(list(statistics)).score)


def _row(details: Mapping[str, Any]) -> Sequence[int]:
    statistics: Sequence[int] = details["statistics"]
    return statistics


def build(options: Mapping[str, Any], name: str) -> Chrf:
    from sacrebleu.metrics.chrf import CHRF

    words = options.get("words", 0)
    if isinstance(words, bool) or words not in (0, 1, 2):
        raise ValueError(f"words: {words!r} is not 0, 1 or 2")
    return Chrf(name, CHRF(word_order=words, lowercase=read.flag(options, "lowercase", default=False)))


scorer = ScorerType(
    summary="chrF over all cases together, exactly sacrebleu's; good for short answers and rich languages.",
    options={
        "words": "The order of the word n-grams: 0 (default) is chrF, 2 is chrF++.",
        "lowercase": "`yes` to ignore case.",
    },
    build=build,
    short="words",
)
