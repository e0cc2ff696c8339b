"""Floors and ceilings: one line against one run, by the truth table."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil

from scipy.special import bdtrc

from evaluators.comparison.levels import level_of
from evaluators.comparison.wording import amount, limit_in_words, where
from evaluators.criteria.grammar import Level
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import limit_of
from evaluators.gate.multiplicity import Judged
from evaluators.results.run_table import RunTable
from evaluators.results.scope import Scope
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.intervals import quantile

SHORT = 0.05
"""How far beside the limit a model is whose chance to pass by luck is told."""
WORTH_SAYING = 0.05


def judge_level(rule: str, source: str, test: Level, measure: Measure, *, run: RunTable, scope: Scope | None) -> Judged:
    """Fail: the whole 95 % interval is on the wrong side; cannot tell: only the point is; pass: the point is right.

    With ``sure`` a pass needs the whole interval. A failed `errors` line is INVALID: what can't be scored proves
    nothing about the candidate.
    """
    level, limit = level_of(measure, run, scope), limit_of(test, measure)
    name = where(measure.name, str(scope or ""))
    if isinstance(level, NotEnough):
        says = f"{name} can't be measured: {level.reason}"
        none = Finding(rule, source, "cannot tell", says, level.needed, measure.name, str(scope or ""), level)
        return Judged(none)

    def found(result: Result) -> Finding:
        says = _says(name, level, measure, limit_in_words(test, limit, measure), result)
        says += _luck(test, level, measure, limit) if result == "pass" else ""
        needed = _needed(test, level, measure, limit) if result == "cannot tell" else ""
        return Finding(rule, source, result, says, needed, measure.name, str(scope or ""), level)

    def fails_at(alpha: float) -> bool:
        again = level_of(measure, run, scope, level=1 - alpha)
        return isinstance(again, Estimate) and by_truth_table(test, again, limit) == "fail"

    result = by_truth_table(test, level, limit)
    if measure.name == "errors" and result == "fail":
        again = f"run {run.suite} on {run.target} again: the cases that failed are asked anew"
        return Judged(replace(found("fail"), result="invalid", needed=again))
    return Judged(found(result), None, fails_at, partial(found, "cannot tell"))


def by_truth_table(test: Level, found: Estimate, limit: float) -> Result:
    """The table's row for floors; ``==`` is exact."""
    if test.operator == "==":
        return "pass" if found.value == limit else "fail"
    over = test.operator == ">="
    right = found.value >= limit if over else found.value <= limit
    if found.high < limit if over else found.low > limit:
        return "fail"
    surely = found.low >= limit if over else found.high <= limit
    return "pass" if surely or (right and not test.sure) else "cannot tell"


def _says(name: str, found: Estimate, measure: Measure, limit: str, result: Result) -> str:
    value = amount(found.value, measure)
    if found.method == "Wilson":
        value += f" ({round(found.value * found.n)} of {found.n}"
    else:
        value += f" ({found.n} cases"
    if found.level < 1:
        value += f"; 95 % interval {amount(found.low, measure)} to {amount(found.high, measure)}"
    end = {"cannot tell": ": the interval spans the limit, so it cannot be told", "fail": ": not met"}.get(result, "")
    return f"{name} is {value}); {limit}{end}"


def luck_of(limit: float, n: int, *, short: float = SHORT) -> float:
    """The chance that a model whose share lies ``short`` below the limit has a share of it or more in ``n`` cases.

    >>> round(luck_of(0.75, 30), 2)
    0.28
    """
    least = ceil(limit * n - 1e-9)
    return float(bdtrc(least - 1, n, max(0.0, limit - short))) if least > 0 else 1.0


def cases_against_luck(limit: float, n: int) -> int:
    """About how many cases such a model would pass with in 5 % of trials only; ``n``: where the search begins.

    >>> cases_against_luck(0.75, 30)
    480
    """
    while luck_of(limit, n) > WORTH_SAYING:
        n *= 2
    return n


def _luck(test: Level, found: Estimate, measure: Measure, limit: float) -> str:
    """What a floor or ceiling that only the point must clear is worth, for shares of cases that stand alone."""
    if test.sure or test.operator == "==" or found.method != "Wilson" or measure.name == "errors":
        return ""
    share = limit / measure.scale
    chance = luck_of(share if test.operator == ">=" else 1 - share, found.n)
    worse = share - SHORT if test.operator == ">=" else share + SHORT
    if not 0 < worse < 1 or chance < WORTH_SAYING:
        return ""
    passes = f"a model at {100 * worse:.4g} % would pass in {100 * chance:.0f} of 100 trials"
    return f"; {passes} (write sure to prevent it)"


def _needed(test: Level, found: Estimate, measure: Measure, limit: float) -> str:
    """About how many more cases would put the limit outside of the interval, if the level is what it seems."""
    distance = abs(found.value - limit)
    if measure.kind != "proportion" or distance == 0:
        return "more cases"
    share = found.value / measure.scale
    spread = max(share * (1 - share), 0.01)
    more = int(quantile(0.95) ** 2 * spread / (distance / measure.scale) ** 2) + 1 - found.n
    side = "below" if test.operator == ">=" else "above"
    return f"it seems {side} the limit; about {max(more, 1):,} more cases would settle it"
