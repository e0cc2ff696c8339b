"""Judges "not worse than" and "better than" lines on two runs, by the truth table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from evaluators.comparison.compare import compare, difference_of, oriented, relative_difference
from evaluators.comparison.pairing import Pairs, pair
from evaluators.comparison.wording import (
    both_figures,
    bounds_in_words,
    difference_in_words,
    gap,
    p_in_words,
    subject,
)
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import margin_of
from evaluators.gate.multiplicity import ALPHA, RuleResult
from evaluators.results.run_table import RunTable
from evaluators.results.scope import Scope
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.plurals import counted
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.always_valid import at_least, at_most, cases_for_bound
from fairtrial.stats.paired.clustered import clustered_effect

MOST_TIMES_MORE = 20
"""If more than this many times the present cases are needed, more cases are not advised."""
ANSWERS: dict[tuple[str, Result], Answer] = {
    ("not worse", "pass"): "not worse",
    ("better", "pass"): "better",
    ("not worse", "fail"): "worse",
}


def judge_comparison(
    rule: str,
    source: str,
    test: VersusBaseline,
    measure: Measure,
    *,
    runs: tuple[RunTable, RunTable],
    scope: Scope | None,
    later: bool = False,
) -> RuleResult:
    """Judge one line; ``runs`` are candidate and baseline, and ``later`` is true if this candidate was compared before.

    Not worse by M: pass if the one-sided 95 % lower bound of the paired difference is above −M, fail if the upper bound
    is below −M. Better (by M): pass if the lower bound is above 0 (or M), fail if the upper bound is below. Otherwise
    the line is undecided. A relative margin is judged on candidate − factor · baseline. From the second look on, the
    bounds are always-valid: they hold at all looks together.
    """
    candidate, baseline = runs
    pairs = pair(measure, candidate, baseline, scope)
    question = Question(test, measure, pairs, later=later, seed=candidate.seed)
    comparison = compare(measure, pairs, scope=str(scope or ""), seed=candidate.seed)
    judged = question.at_look(ALPHA) if later or question.relative else comparison.difference
    if later and not question.relative:
        comparison = replace(comparison, difference=judged)

    def found(result: Result) -> Finding:
        answered = replace(comparison, answer=ANSWERS.get((test.question, result), "cannot tell"))
        says = _says(test, measure, answered, baseline.target, result) + _worst_case(measure, pairs)
        needed = _needed(question, judged) if result == "cannot tell" else ""
        return Finding(rule, source, result, says, needed, measure.name, answered.scope, answered)

    def fails_at(alpha: float) -> bool:
        return by_truth_table(question.at_look(alpha), measure.sign, question.limit) == "fail"

    result = by_truth_table(judged, measure.sign, question.limit)
    estimated = not isinstance(judged, NotEnough)
    return RuleResult(found(result), None, fails_at if estimated else None, partial(found, "cannot tell"))


def by_truth_table(judged: Estimate | NotEnough, sign: int, limit: float) -> Result:
    """Compare the interval, turned so that more is better, with the limit."""
    if isinstance(judged, NotEnough):
        return "cannot tell"
    low, high = oriented(judged, sign)
    return "pass" if low > limit else "fail" if high < limit else "cannot tell"


def _says(test: VersusBaseline, measure: Measure, found: Comparison, baseline: str, result: Result) -> str:
    name = subject(found.metric, found.scope)
    if isinstance(found.difference, NotEnough):
        return f"{name} can't be compared with {baseline}: {found.difference.reason}"
    words = f"{name} {difference_in_words(found, measure)} {baseline}"
    p_text = "" if found.p is None else f"; {found.p_method}: p {p_in_words(found.p)}"
    numbers = f" ({both_figures(found, measure)}; {bounds_in_words(found.difference, measure)}{p_text})"
    end = {"pass": "", "fail": ": not met"}.get(result, ": undecided")
    return words + numbers + f"; {_requirement(test, measure)}{end}"


def _requirement(test: VersusBaseline, measure: Measure) -> str:
    if test.margin is None:
        return "better is required"
    size = f"{test.margin:g} %" if test.unit == "%" else gap(margin_of(test, measure), measure).replace(".0 ", " ")
    return f"at most {size} worse is allowed" if test.question == "not worse" else f"better by {size} is required"


def _worst_case(measure: Measure, pairs: Pairs) -> str:
    """The difference if every unscored case counted against the candidate."""
    if not pairs.unscored:
        return ""
    if pairs.unscored == 1:
        left_out, if_all = "1 case is", "it counted"
    else:
        left_out, if_all = f"{pairs.unscored} cases are", "all of them counted"
    text = f"; {left_out} left out, not being scored on both sides"
    if measure.kind == "corpus" or measure.form != "share":
        return text
    total = float(np.sum(pairs.differences)) - measure.sign * pairs.unscored * measure.scale
    worst = total / (pairs.n + pairs.unscored)
    side = "lower" if worst < 0 else "higher"
    return f"{text} (if {if_all} against the candidate: {gap(worst, measure)} {side})"


def _needed(question: Question, judged: Estimate | NotEnough) -> str:
    """What is already excluded, and about how many more cases would settle the question."""
    if isinstance(judged, NotEnough):
        return judged.needed
    measure = question.measure
    low, _ = oriented(judged, measure.sign)
    excluded = ""
    if question.test.unit == "pp":
        excluded = (
            f"the candidate is at most {gap(low, measure)} worse; "
            if low < 0
            else f"the candidate is at least {gap(low, measure)} better; "
        )
    return excluded + _more_cases(question, judged)


def _more_cases(question: Question, judged: Estimate) -> str:
    """The advice uses the bounds of later looks, because judging more cases is a later look."""
    if question.tau is None:
        return f"a candidate that was not compared before, because {AGAIN}"
    n, total = question.pairs.n, question.cases_to_settle(judged)
    if total is None:
        return "the estimate lies exactly at the limit, so more cases would not settle it"
    if total > MOST_TIMES_MORE * n and n >= 20:
        return "the estimate is so close to the limit that more cases of this kind are unlikely to settle it"
    return f"about {counted(max(total - n, 1), 'more case')} would settle it"


USUAL_TAU = 0.05
"""τ for a line without a margin: five points of a share, or 5 % of the baseline's mean."""
AGAIN = "corpus figures and totals can be tested only once for each candidate"


@dataclass(frozen=True, slots=True)
class Question:
    """One line on one slice of two runs; ``later``: this is not the first look at the candidate."""

    test: VersusBaseline
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
        """The limit that the judged difference must clear, turned so that more is better."""
        return 0.0 if self.relative else self._direction * margin_of(self.test, self.measure)

    @property
    def tau(self) -> float | None:
        """The standard deviation of the mixture at later looks: the margin on the measure's scale."""
        if self.measure.kind not in ("proportion", "mean"):
            return None
        of_share = self.measure.form == "share"
        if self.test.margin is None:
            return USUAL_TAU * (self.measure.scale if of_share else self._level)
        if self.relative:
            return self.test.margin / 100 * self._level
        return margin_of(self.test, self.measure)

    def at_look(self, alpha: float) -> Estimate | NotEnough:
        """The difference that decides; each of its bounds is wrong with probability ``alpha``."""
        return self._later(alpha) if self.later else self._first(alpha)

    def cases_to_settle(self, judged: Estimate) -> int | None:
        """About how many cases would settle it at a later look; ``None`` if no number would."""
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
            return NotEnough(AGAIN, "a candidate that was not compared before", self.pairs.n)
        if not self.pairs.n:
            return self._first(alpha)
        if tau <= 0:
            return NotEnough("the baseline's figure is 0, so a relative margin of it is 0 too", "a margin in points")
        effect = clustered_effect(self._differences, self.pairs.candidate.clusters)
        low, high = at_least(effect, tau=tau, alpha=alpha), at_most(effect, tau=tau, alpha=alpha)
        if isinstance(low, NotEnough) or isinstance(high, NotEnough):
            return low if isinstance(low, NotEnough) else high
        return replace(low, high=high.high, method=low.method.replace(", one-sided", ""))
