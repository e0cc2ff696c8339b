"""Changes what a scorer measures, or what counts as right: the options that every scorer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluators.scoring import options as read
from evaluators.scoring.scorer import (
    ChecksCases,
    Compared,
    OffFormat,
    Scorer,
    ScoresPairs,
    ShowsComparison,
    Stat,
    WaitsForProcess,
    WarnsAboutSuite,
)
from fairtrial.domain.limits.linear_regex import compile_regex
from fairtrial.domain.run import Answer, Case, Score

MODIFIERS = {
    "reference": "The column with the reference, if it is not `expected`, so that several entries of one suite can "
    "compare with different columns.",
    "extract": "A regular expression (RE2). Only its first group, or all that it matches, is scored; an answer without "
    "a match is off format. The last match counts.",
    "negate": "`yes` turns right into wrong for a scorer whose main stat is a proportion. Off format stays wrong.",
    "pass": "The value of the main stat from which a case passes. It adds the main stat `pass`, a proportion.",
}
"""Their names and meanings."""
PASS = "pass"  # noqa: S105 - the name of a stat


@dataclass(frozen=True, slots=True)
class ModifiedScorer:
    """A scorer with some of the options that every scorer has.

    ``reference``: a column; ``extract``: a pattern; ``least``: the passing value.
    """

    inner: Scorer
    reference: str | None
    extract: str | None
    negate: bool
    least: float | None

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def version(self) -> str:
        reference = "" if self.reference is None else f" reference:{self.reference}"
        extract = "" if self.extract is None else f" extract:{self.extract}"
        negate = " negate:yes" if self.negate else ""
        return (
            self.inner.version + reference + extract + negate + ("" if self.least is None else f" pass:{self.least:g}")
        )

    @property
    def stats(self) -> Sequence[Stat]:
        stats = [self.inner.stats[0]] if self.negate else list(self.inner.stats)
        return stats if self.least is None else [Stat(PASS, "proportion"), *stats]

    def case_problem(self, case: Case) -> str | None:
        return self.inner.case_problem(self._referring(case)) if isinstance(self.inner, ChecksCases) else None

    def suite_warning(self, cases: Sequence[Case]) -> str | None:
        if not isinstance(self.inner, WarnsAboutSuite):
            return None
        return self.inner.suite_warning([self._referring(case) for case in cases])

    @property
    def waits(self) -> bool:
        return isinstance(self.inner, WaitsForProcess) and self.inner.waits

    def normalised(self, case: Case, answer: Answer) -> Compared:
        text = self._extracted(answer)
        extracted = replace(answer, text=text or "")
        if not isinstance(self.inner, ShowsComparison):
            return Compared(
                text or "", read.references(case.expected), f"{self.inner.name} does not show what it compares"
            )
        compared = self.inner.normalised(case, extracted)
        why = compared.why + (", and 'negate' turns right into wrong" if self.negate else "")
        return replace(compared, why=why if self.least is None else f"{why}; it passes from {self.least:g}")

    def _extracted(self, answer: Answer) -> str | None:
        return answer.text if self.extract is None else compile_regex(self.extract).last(answer.text or "")

    def score(self, case: Case, answer: Answer) -> Score:
        text = self._extracted(answer)
        missing = text is None and self.extract is not None
        try:
            score = self.inner.score(self._referring(case), replace(answer, text="" if missing else text))
        except OffFormat as error:
            raise OffFormat(str(error), self._wrong(error.score)) from error
        if missing:
            worst = {stat.name: 0.0 if stat.higher_is_better else stat.scale for stat in self.inner.stats}
            values = {name: value if value is None else worst.get(name, value) for name, value in score.values.items()}
            raise OffFormat("nothing in the answer matches 'extract'", self._wrong(replace(score, values=values)))
        return self._passed(self._negated(score))

    def _referring(self, case: Case) -> Case:
        """The case with the reference of the column."""
        return case if self.reference is None else replace(case, expected=case.fields.get(self.reference))

    def _negated(self, score: Score) -> Score:
        main = self.inner.stats[0].name
        value = score.values.get(main)
        return replace(score, values={main: None if value is None else 1 - value}) if self.negate else score

    def _wrong(self, score: Score) -> Score:
        """The score of an answer without the required form, which no modifier makes right."""
        values = {self.inner.stats[0].name: 0.0} if self.negate else score.values
        return replace(score, values=values if self.least is None else {PASS: 0.0, **values})

    def _passed(self, score: Score) -> Score:
        if self.least is None:
            return score
        main = self.inner.stats[0]
        value = score.values.get(main.name)
        sign = 1 if main.higher_is_better else -1
        passed = None if value is None else float(sign * value >= sign * self.least)
        return replace(score, values={PASS: passed, **score.values})


def modified(scorer: Scorer, options: Mapping[str, Any]) -> Scorer:
    """The scorer with these options of every scorer; raises `ValueError`."""
    if not options:
        return scorer
    main, least = scorer.stats[0], options.get("pass")
    reference, extract = read.word(options, "reference"), read.word(options, "extract")
    if isinstance(scorer, ScoresPairs):
        raise ValueError(f"{next(iter(options))}: a scorer of changed copies has no such option")
    if extract is not None:
        try:
            compile_regex(extract)
        except ValueError as error:
            raise ValueError(f"extract: {error}") from error
    negate = read.flag(options, "negate", default=False)
    if negate and (main.kind != "proportion" or not main.higher_is_better):
        raise ValueError(f"negate: the main stat {main.name!r} is not a share of right answers")
    if least is not None:
        if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= main.scale:
            raise ValueError(f"pass: {least!r} is not a number from 0 to {main.scale:g}")
        if main.kind == "corpus":
            raise ValueError(f"pass: the main stat {main.name!r} has no value of each case")
    return ModifiedScorer(scorer, reference, extract, negate, least)
