"""Computes ROUGE F-measures with rouge-score, the reference implementation, and their mean over cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any

from evaluators.scoring import options as read
from evaluators.scoring.scorer import ScorerType, Stat
from fairtrial.domain.run import Answer, Case, Score

KINDS = ("1", "2", "L", "Lsum")
READABLE = re.compile(r"[a-z0-9]", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Rouge:
    """``rouge1``, ``rouge2``, ``rougeL``, ``rougeLsum``: F-measures in [0, 1], of the best reference."""

    name: str
    kinds: tuple[str, ...]
    stem: bool
    metric: Any

    @property
    def version(self) -> str:
        stem = "porter" if self.stem else "no"
        return f"rouge/1 stem:{stem} measure:f references:best lsum-split:.!? rouge-score:{installed('rouge-score')}"

    @property
    def stats(self) -> Sequence[Stat]:
        return tuple(Stat(f"rouge{kind}", "mean") for kind in self.kinds)

    def case_problem(self, case: Case) -> str | None:
        references = read.references(case.expected)
        if references and not all(READABLE.search(one) for one in references):
            return "has a reference without Latin letters or digits, which ROUGE ignores: use chrf"
        return read.no_reference(case.expected)

    def score(self, case: Case, answer: Answer) -> Score:
        references = [self._prepared(one) for one in read.references(case.expected)]
        found = self.metric.score_multi(references, self._prepared(answer.text or ""))
        return Score(self.name, {kind: float(score.fmeasure) for kind, score in found.items()})

    def _prepared(self, text: str) -> str:
        """One sentence on each line, as rougeLsum needs; the other kinds are not affected."""
        return SENTENCE_END.sub("\n", text) if "Lsum" in self.kinds else text


def build(options: Mapping[str, Any], name: str) -> Rouge:
    from rouge_score.rouge_scorer import RougeScorer

    kinds = read.texts(options, "kinds") or ("1", "L")
    strange = [kind for kind in kinds if kind not in KINDS]
    if strange or len(set(kinds)) < len(kinds):
        raise ValueError(f"kinds: {', '.join(strange or kinds)} (known: {', '.join(KINDS)}, each once)")
    stem = read.flag(options, "stem", default=False)
    return Rouge(name, kinds, stem, RougeScorer([f"rouge{kind}" for kind in kinds], use_stemmer=stem))


scorer = ScorerType(
    summary="ROUGE F-measures, exactly rouge-score's, averaged over cases; Latin letters and digits only.",
    options={
        "kinds": "Any of 1, 2, L and Lsum; [1, L] by default.",
        "stem": "`yes` applies the Porter stemmer to words of more than three letters; `no` is the default.",
    },
    build=build,
    short="kinds",
)
