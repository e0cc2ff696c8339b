"""Not worse, and better: one line against two runs, by the truth table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from evaluators.comparison.compare import compare, difference_of, oriented, relative_difference
from evaluators.comparison.pairing import Pairs, pair
from evaluators.comparison.wording import both, bounds_in_words, difference_in_words, gap, p_in_words, where
from evaluators.criteria.grammar import Versus
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import margin_of
from evaluators.gate.multiplicity import ALPHA, Judged
from evaluators.results.run_table import RunTable
from evaluators.results.scope import Scope
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.always_valid import at_least, at_most, cases_for_bound
from fairtrial.stats.paired.clustered import clustered_effect

HOPELESS = 20
"""Times the present cases: beyond that, more cases are no advice."""
ANSWERS: dict[tuple[str, Result], Answer] = {
    ("not worse", "pass"): "not worse",
    ("better", "pass"): "better",
    ("not worse", "fail"): "worse",
}


def judge_versus(
    rule: str,
    source: str,
    test: Versus,
    measure: Measure,
    *,
    runs: tuple[RunTable, RunTable],
    scope: Scope | None,
    later: bool = False,
) -> Judged:
    """``runs``: candidate, baseline; ``later``: this candidate was compared before, on other answers.

    Not worse by M: pass when the one-sided 95 % lower bound of the paired difference is above −M, fail when the upper
    one is below −M. Better (by M): pass when the lower bound is above 0 (or M), fail when the upper one is below.
    Otherwise it cannot be told. A relative margin is judged on candidate − factor · baseline. From the second look on
    the bounds are those that hold at all looks together.
    """
    candidate, baseline = runs
    pairs = pair(measure, candidate, baseline, scope)
    question = Question(test, measure, pairs, later=later, seed=candidate.seed)
    comparison = compare(measure, pairs, scope=str(scope or ""), seed=candidate.seed)
    judged = question.at_look(ALPHA) if later or question.relative else comparison.difference
    if later and not question.relative:
        comparison = replace(comparison, difference=judged)

    def found(result: Result) -> Finding:
        told = replace(comparison, answer=ANSWERS.get((test.question, result), "cannot tell"))
        says = _says(test, measure, told, baseline.target, result) + _worst_case(measure, pairs)
        needed = _needed(question, judged) if result == "cannot tell" else ""
        return Finding(rule, source, result, says, needed, measure.name, told.scope, told)

    def fails_at(alpha: float) -> bool:
        return by_truth_table(question.at_look(alpha), measure.sign, question.limit) == "fail"

    result = by_truth_table(judged, measure.sign, question.limit)
    told = not isinstance(judged, NotEnough)
    return Judged(found(result), None, fails_at if told else None, partial(found, "cannot tell"))


def by_truth_table(judged: Estimate | NotEnough, sign: int, limit: float) -> Result:
    """The interval, turned so that more is better, against the limit."""
    if isinstance(judged, NotEnough):
        return "cannot tell"
    low, high = oriented(judged, sign)
    return "pass" if low > limit else "fail" if high < limit else "cannot tell"


def _says(test: Versus, measure: Measure, found: Comparison, baseline: str, result: Result) -> str:
    name = where(found.metric, found.scope)
    if isinstance(found.difference, NotEnough):
        return f"{name} can't be compared with {baseline}: {found.difference.reason}"
    words = f"{name} {difference_in_words(found, measure)} {baseline}"
    test_said = "" if found.p is None else f"; {found.p_method}: p {p_in_words(found.p)}"
    numbers = f" ({both(found, measure)}; {bounds_in_words(found.difference, measure)}{test_said})"
    untold = ": cannot rule it out either way" if test.question == "not worse" else ": cannot tell"
    end = {"pass": "", "fail": ": not met"}.get(result, untold)
    return words + numbers + f"; {_asked(test, measure)}{end}"


def _asked(test: Versus, measure: Measure) -> str:
    if test.margin is None:
        return "better is required"
    size = f"{test.margin:g} %" if test.unit == "%" else gap(margin_of(test, measure), measure).replace(".0 ", " ")
    return f"at most {size} worse is allowed" if test.question == "not worse" else f"better by {size} is required"


def _worst_case(measure: Measure, pairs: Pairs) -> str:
    """What the difference would be if every case that is not scored went against the candidate."""
    if not pairs.unscored:
        return ""
    text = f"; {pairs.unscored} cases are not scored on one side or the other and left out"
    if measure.kind == "corpus" or measure.form != "share":
        return text
    total = float(np.sum(pairs.differences)) - measure.sign * pairs.unscored * measure.scale
    worst = total / (pairs.n + pairs.unscored)
    return f"{text} (if all of them went against it: {gap(worst, measure)} {'lower' if worst < 0 else 'higher'})"


def _needed(question: Question, judged: Estimate | NotEnough) -> str:
    """What is already excluded, and about how many more cases would settle it."""
    if isinstance(judged, NotEnough):
        return judged.needed
    measure = question.measure
    low, _ = oriented(judged, measure.sign)
    excluded = ""
    if question.test.unit == "pp":
        excluded = (
            f"it is at most {gap(low, measure)} worse; " if low < 0 else f"it is at least {gap(low, measure)} better; "
        )
    return excluded + _more_cases(question, judged)


def _more_cases(question: Question, judged: Estimate) -> str:
    """More cases are a later look, so that the advice is for the bounds of later looks."""
    if question.tau is None:
        return "a candidate that this suite has not judged; a figure of all cases together can't be looked at again"
    n, total = question.pairs.n, question.cases_to_settle(judged)
    if total is None:
        return "it lies at the limit, where no number of cases decides"
    if total > HOPELESS * n and n >= 20:
        return "it lies so near to the limit that more cases of this kind are unlikely to settle it"
    return f"about {max(total - n, 1):,} more cases would settle it"


USUAL_TAU = 0.05
"""τ where a line has no margin: five points of a share, or 5 % of the baseline's mean."""
AGAIN = "figures of all cases together, and totals, can't be looked at again"


@dataclass(frozen=True, slots=True)
class Question:
    """One line on one slice of two runs; ``later``: it is not the first look at this candidate."""

    test: Versus
    measure: Measure
    pairs: Pairs
    later: bool
    seed: int

    @property
    def relative(self) -> bool:
        """Whether the margin is a share of the baseline's figure."""
        return self.test.margin is not None and self.test.unit == "%"

    @property
    def limit(self) -> float:
        """What the judged difference must clear on the side where more is better."""
        return 0.0 if self.relative else self._direction * margin_of(self.test, self.measure)

    @property
    def tau(self) -> float | None:
        """The standard deviation of the mixture at later looks: the margin, on the measure's scale."""
        if self.measure.kind not in ("proportion", "mean"):
            return None
        of_share = self.measure.form == "share"
        if self.test.margin is None:
            return USUAL_TAU * (self.measure.scale if of_share else self._level)
        if self.relative:
            return self.test.margin / 100 * self._level
        return margin_of(self.test, self.measure)

    def at_look(self, alpha: float) -> Estimate | NotEnough:
        """The difference that decides, each of whose bounds is wrong with a chance of ``alpha``."""
        return self._later(alpha) if self.later else self._first(alpha)

    def cases_to_settle(self, judged: Estimate) -> int | None:
        """About how many cases would, at a later look; ``None`` where no number of them decides."""
        tau = self.tau
        if tau is None:
            return None
        distance = abs(judged.value * self.measure.sign - self.limit)
        spread = float(np.var(self._differences))
        return cases_for_bound(distance, variance=spread, tau=tau) if distance and spread else None

    @property
    def _direction(self) -> int:
        return 1 if self.test.question == "better" else -1

    @property
    def _factor(self) -> float:
        if not self.relative or self.test.margin is None:
            return 1.0
        return 1 + self._direction * self.measure.sign * self.test.margin / 100

    @property
    def _level(self) -> float:
        return float(np.abs(self.pairs.baseline.values).mean()) if self.pairs.n else 0.0

    @property
    def _differences(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return self.pairs.candidate.values - self._factor * self.pairs.baseline.values

    def _first(self, alpha: float) -> Estimate | NotEnough:
        level = 1 - 2 * alpha
        if self.relative:
            return relative_difference(self.measure, self.pairs, self._factor, level=level, seed=self.seed)
        return difference_of(self.measure, self.pairs, level=level, seed=self.seed)

    def _later(self, alpha: float) -> Estimate | NotEnough:
        tau = self.tau
        if tau is None:
            return NotEnough(AGAIN, "a candidate that was not judged before", self.pairs.n)
        if not self.pairs.n:
            return self._first(alpha)
        if tau <= 0:
            return NotEnough("the baseline's figure is 0, so that a share of it is none", "a margin in points")
        effect = clustered_effect(self._differences, self.pairs.candidate.clusters)
        low, high = at_least(effect, tau=tau, alpha=alpha), at_most(effect, tau=tau, alpha=alpha)
        if isinstance(low, NotEnough) or isinstance(high, NotEnough):
            return low if isinstance(low, NotEnough) else high
        return replace(low, high=high.high, method=low.method.replace(", one-sided", ""))
