"""Not worse, and better: one line against two runs, by the truth table."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from evaluators.compare import compare, oriented
from evaluators.gate_family import ALPHA, Judged
from evaluators.gate_fit import margin_of
from evaluators.gate_lines import Scope, Versus
from evaluators.gate_look import Question
from evaluators.gate_words import both, bounds_in_words, difference_in_words, gap, p_in_words, where
from evaluators.measures import Measure
from evaluators.pairing import Pairs, pair
from evaluators.run_table import RunTable
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.verdict import Finding, Result

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
