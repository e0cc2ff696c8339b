"""Not worse, and better: one line against two runs, by the truth table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluators.compare import compare, oriented, relative_difference
from evaluators.gate_fit import margin_of
from evaluators.gate_lines import Scope, Versus
from evaluators.gate_words import both, bounds_in_words, difference_in_words, gap, p_in_words, where
from evaluators.measures import Measure
from evaluators.pairing import Pairs, pair
from evaluators.run_table import RunTable
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.paired.equivalence import cases_to_settle

HOPELESS = 20
"""Times the present cases: beyond that, more cases are no advice."""
ANSWERS: dict[tuple[str, Result], Answer] = {
    ("not worse", "pass"): "not worse",
    ("better", "pass"): "better",
    ("not worse", "fail"): "worse",
}


def judge_versus(
    rule: str, source: str, test: Versus, measure: Measure, *, runs: tuple[RunTable, RunTable], scope: Scope | None
) -> Finding:
    """``runs``: candidate, baseline.

    Not worse by M: pass when the one-sided 95 % lower bound of the paired difference is above −M, fail when the upper
    one is below −M. Better (by M): pass when the lower bound is above 0 (or M), fail when the upper one is below.
    Otherwise it cannot be told. A relative margin is judged on candidate − factor · baseline.
    """
    candidate, baseline = runs
    pairs = pair(measure, candidate, baseline, scope)
    comparison = compare(measure, pairs, scope=str(scope or ""), seed=candidate.seed)
    judged, limit = _judged(test, measure, pairs, comparison)
    result = by_truth_table(judged, measure.sign, limit)
    comparison = replace(comparison, answer=ANSWERS.get((test.question, result), "cannot tell"))
    says = _says(test, measure, comparison, baseline.target, result) + _worst_case(measure, pairs)
    needed = _needed(test, measure, pairs, judged, limit) if result == "cannot tell" else ""
    return Finding(rule, source, result, says, needed, measure.name, comparison.scope, comparison)


def by_truth_table(judged: Estimate | NotEnough, sign: int, limit: float) -> Result:
    """The interval, turned so that more is better, against the limit."""
    if isinstance(judged, NotEnough):
        return "cannot tell"
    low, high = oriented(judged, sign)
    return "pass" if low > limit else "fail" if high < limit else "cannot tell"


def _judged(test: Versus, measure: Measure, pairs: Pairs, comparison: Comparison) -> tuple[Estimate | NotEnough, float]:
    """The estimate that decides, and the limit it must clear on the side where more is better."""
    direction = 1 if test.question == "better" else -1
    if test.margin is not None and test.unit == "%":
        factor = 1 + direction * measure.sign * test.margin / 100
        return relative_difference(measure, pairs, factor), 0.0
    return comparison.difference, direction * margin_of(test, measure)


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


def _needed(test: Versus, measure: Measure, pairs: Pairs, judged: Estimate | NotEnough, limit: float) -> str:
    """What is already excluded, and about how many more cases would settle it."""
    if isinstance(judged, NotEnough):
        return judged.needed
    low, _ = oriented(judged, measure.sign)
    excluded = ""
    if test.unit == "pp":
        excluded = (
            f"it is at most {gap(low, measure)} worse; " if low < 0 else f"it is at least {gap(low, measure)} better; "
        )
    return excluded + _more_cases(measure, pairs, judged, limit)


def _more_cases(measure: Measure, pairs: Pairs, judged: Estimate, limit: float) -> str:
    if measure.kind == "corpus" or measure.kind == "total":
        return "more cases would settle it"
    point, spread = judged.value * measure.sign, float(np.var(pairs.differences))
    total = cases_to_settle(point, limit, variance=spread, n=pairs.n, span=measure.scale)
    if total is None:
        return "it lies at the limit, where no number of cases decides"
    if total > HOPELESS * pairs.n and pairs.n >= 20:
        return "it lies so near to the limit that more cases of this kind are unlikely to settle it"
    return f"about {max(total - pairs.n, 1):,} more cases would settle it"
