"""Judges floors and ceilings on one run, by the truth table."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil

import scipy  # its `special` loads at its first use, because it is slow to load

from evaluators.comparison.levels import level_of
from evaluators.comparison.wording import amount, limit_in_words, subject
from evaluators.criteria.grammar import Threshold
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import limit_of
from evaluators.gate.multiplicity import RuleResult
from evaluators.results.run_table import RunTable
from evaluators.results.scope import Scope
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.plurals import counted
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.intervals import quantile

SHORTFALL = 0.05
"""How far a worse model lies beyond the limit, for the chance that it passes."""
WORTH_REPORTING = 0.05


def judge_threshold(
    rule: str, source: str, test: Threshold, measure: Measure, *, run: RunTable, scope: Scope | None
) -> RuleResult:
    """Judge a floor or a ceiling.

    Fail: the whole 95 % interval is on the wrong side. Undecided: only the estimate is. Pass: the estimate is on the
    right side, or with ``sure`` the whole interval. A failed `errors` line is INVALID, because unscored cases prove
    nothing about the candidate.
    """
    level, limit = level_of(measure, run, scope), limit_of(test, measure)
    name = subject(measure.name, str(scope or ""))
    if isinstance(level, NotEnough):
        says = f"{name} cannot be measured: {level.reason}"
        none = Finding(rule, source, "cannot tell", says, level.needed, measure.name, str(scope or ""), level)
        return RuleResult(none)

    def found(result: Result) -> Finding:
        says = _says(name, level, measure, limit_in_words(test, limit, measure)) + _end(test, level, limit, result)
        says += _luck(test, level, measure, limit) if result == "pass" else ""
        needed = _needed(test, level, measure, limit) if result == "cannot tell" else ""
        return Finding(rule, source, result, says, needed, measure.name, str(scope or ""), level)

    def fails_at(alpha: float) -> bool:
        again = level_of(measure, run, scope, level=1 - alpha)
        return isinstance(again, Estimate) and by_truth_table(test, again, limit) == "fail"

    result = by_truth_table(test, level, limit)
    if measure.name == "errors" and result == "fail":
        again = f"run {run.suite} on {run.target} again: the failed cases are asked again"
        return RuleResult(replace(found("fail"), result="invalid", needed=again))
    return RuleResult(found(result), None, fails_at, partial(found, "cannot tell"))


def by_truth_table(test: Threshold, found: Estimate, limit: float) -> Result:
    """The truth table for thresholds; ``==`` is exact."""
    if test.operator == "==":
        return "pass" if found.value == limit else "fail"
    over = test.operator == ">="
    right = found.value >= limit if over else found.value <= limit
    if found.high < limit if over else found.low > limit:
        return "fail"
    surely = found.low >= limit if over else found.high <= limit
    return "pass" if surely or (right and not test.sure) else "cannot tell"


def _says(name: str, found: Estimate, measure: Measure, limit: str) -> str:
    value = amount(found.value, measure)
    if found.method == "Wilson":
        value += f" ({round(found.value * found.n)} of {found.n}"
    else:
        value += f" ({counted(found.n, 'case')}"
    if found.level < 1:
        value += f"; 95 % interval {amount(found.low, measure)} to {amount(found.high, measure)}"
    return f"{name} is {value}); {limit}"


def _end(test: Threshold, found: Estimate, limit: float, result: Result) -> str:
    if result != "cannot tell":
        return ": not met" if result == "fail" else ""
    spans = by_truth_table(test, found, limit) == "cannot tell"  # not if only Holm's correction leaves it undecided
    return ": undecided, because the interval spans the limit" if spans else ": undecided"


def chance_to_pass(limit: float, n: int, *, shortfall: float = SHORTFALL) -> float:
    """The chance that a model whose true share lies ``shortfall`` below the limit reaches the limit in ``n`` cases.

    >>> round(chance_to_pass(0.75, 30), 2)
    0.28
    """
    least = ceil(limit * n - 1e-9)
    return float(scipy.special.bdtrc(least - 1, n, max(0.0, limit - shortfall))) if least > 0 else 1.0


def cases_to_exclude_luck(limit: float, n: int) -> int:
    """About how many cases reduce the chance that such a model passes to 5 %; ``n``: where the search begins.

    >>> cases_to_exclude_luck(0.75, 30)
    480
    """
    while chance_to_pass(limit, n) > WORTH_REPORTING:
        n *= 2
    return n


def _luck(test: Threshold, found: Estimate, measure: Measure, limit: float) -> str:
    """How often a worse model passes a threshold without `sure`, for shares of independent cases."""
    if test.sure or test.operator == "==" or found.method != "Wilson" or measure.name == "errors":
        return ""
    share = limit / measure.scale
    chance = chance_to_pass(share if test.operator == ">=" else 1 - share, found.n)
    worse = share - SHORTFALL if test.operator == ">=" else share + SHORTFALL
    if not 0 < worse < 1 or chance < WORTH_REPORTING:
        return ""
    passes = f"a model at {100 * worse:.4g} % would pass in {100 * chance:.0f} of 100 trials"
    return f"; {passes} (add 'sure' to prevent this)"


def _needed(test: Threshold, found: Estimate, measure: Measure, limit: float) -> str:
    """About how many more cases would exclude the limit from the interval, if the estimate is right."""
    distance = abs(found.value - limit)
    if measure.kind != "proportion" or distance == 0:
        return "more cases"
    share = found.value / measure.scale
    spread = max(share * (1 - share), 0.01)
    more = int(quantile(0.95) ** 2 * spread / (distance / measure.scale) ** 2) + 1 - found.n
    side = "below" if test.operator == ">=" else "above"
    return f"the estimate is {side} the limit; about {counted(max(more, 1), 'more case')} would settle it"
