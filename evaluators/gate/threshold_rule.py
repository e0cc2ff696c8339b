"""Judges floors and ceilings on one run, by the truth table."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil

from evaluators.comparison.levels import level_of
from evaluators.comparison.presentation import amount, limit_in_words, subject
from evaluators.criteria.grammar import GateLine, Threshold
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import limit_of
from evaluators.gate.multiplicity import RuleResult
from evaluators.results.run_table import RunTable, Scope
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import ALPHA
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.domain.wording import counted
from fairtrial.stats.intervals import at_least, quantile

SHORTFALL = 0.05
"""How far a worse model lies beyond the limit, for the chance that it passes."""
WORTH_REPORTING = 0.05
ENDS: dict[Result, str] = {"pass": "", "fail": ": not met", "cannot tell": ": undecided", "invalid": ": undecided"}
"""How the sentence of a finding ends."""


def judge_threshold(
    rule: str,
    source: str,
    test: Threshold,
    measure: Measure,
    *,
    run: RunTable,
    scope: Scope | None,
    further_look: Callable[[], str] = str,
    alpha: float = ALPHA,
) -> RuleResult:
    """Judge a floor or a ceiling. ``further_look``: what more cases mean for lines of the suite that compare.

    Fail: the whole 95 % interval is on the wrong side. Undecided: only the estimate is. Pass: the estimate is on the
    right side, or with ``sure`` the whole interval, whose level is then 1 - ``alpha``. A failed `errors` line is
    INVALID, because unscored cases prove nothing about the candidate.
    """
    sure = 1 - alpha if test.sure else 1 - ALPHA
    level, limit = level_of(measure, run, scope, level=sure), limit_of(test, measure)
    name = subject(measure.name, str(scope or ""))
    if isinstance(level, NotEnough):
        sentence = f"{name} cannot be measured: {level.reason}"
        none = Finding(rule, source, "cannot tell", sentence, level.needed, measure.name, str(scope or ""), level)
        return RuleResult(none)

    def finding(result: Result, alpha: float = ALPHA) -> Finding:
        sentence = _says(name, level, measure, limit_in_words(test, limit, measure)) + _end(test, level, limit, result)
        sentence += _luck(test, level, measure, limit) if result == "pass" else ""
        needed = _needed(test, level, measure, limit, alpha) if result == "cannot tell" else ""
        if needed and (look := further_look()):
            needed += f"; {look}"
        short = f"{name} is {amount(level.value, measure)}"
        return Finding(rule, source, result, sentence, needed, measure.name, str(scope or ""), level, short=short)

    def fails_at(alpha: float) -> bool:
        again = level_of(measure, run, scope, level=1 - alpha)
        return isinstance(again, Estimate) and by_truth_table(test, again, limit) == "fail"

    result = by_truth_table(test, level, limit)
    if measure.name == "errors" and result == "fail":
        again = f"run {run.suite} on {run.target} again: the failed cases are asked again"
        return RuleResult(replace(finding("fail"), result="invalid", needed=again))
    return RuleResult(finding(result), None, fails_at, partial(finding, "cannot tell"))


def by_truth_table(test: Threshold, level: Estimate, limit: float) -> Result:
    """The truth table for thresholds; ``==`` is exact."""
    if test.operator == "==":
        return "pass" if level.value == limit else "fail"
    over = test.operator == ">="
    right = level.value >= limit if over else level.value <= limit
    if level.high < limit if over else level.low > limit:
        return "fail"
    surely = level.low >= limit if over else level.high <= limit
    return "pass" if surely or (right and not test.sure) else "cannot tell"


def require_count(line: GateLine, finding: Finding, n: int) -> Finding:
    """``with N cases``: a pass on less evidence than the line requires is undecided."""
    required, unit = line.with_count, line.with_unit
    if required is None or finding.result != "pass" or n >= required:
        return finding
    sentence = f"{finding.says}; only {n} of the {required} {unit} that the line requires"
    return replace(finding, result="cannot tell", says=sentence, needed=f"{required - n} more {unit}")


def _says(name: str, estimate: Estimate, measure: Measure, limit: str) -> str:
    value = amount(estimate.value, measure)
    if estimate.method == "Wilson":
        value += f" ({round(estimate.value * estimate.n)} of {estimate.n}"
    else:
        value += f" ({counted(estimate.n, 'case')}"
    if estimate.level < 1:
        bounds = f"{amount(estimate.low, measure)} to {amount(estimate.high, measure)}"
        value += f"; {100 * estimate.level:.4g} % interval {bounds}"
    return f"{name} is {value}); {limit}"


def _end(test: Threshold, estimate: Estimate, limit: float, result: Result) -> str:
    if result != "cannot tell":
        return ": not met" if result == "fail" else ""
    spans = by_truth_table(test, estimate, limit) == "cannot tell"  # not if only Holm's correction leaves it undecided
    return ": undecided, because the interval spans the limit" if spans else ": undecided"


def chance_to_pass(limit: float, n: int, *, shortfall: float = SHORTFALL) -> float:
    """The chance that a model whose true share lies ``shortfall`` below the limit reaches the limit in ``n`` cases.

    >>> round(chance_to_pass(0.75, 30), 2)
    0.28
    """
    least = ceil(limit * n - 1e-9)
    return at_least(least, n, max(0.0, limit - shortfall))


def cases_to_exclude_luck(limit: float, n: int) -> int:
    """About how many cases reduce the chance that such a model passes to 5 %; ``n``: where the search begins.

    >>> cases_to_exclude_luck(0.75, 30)
    480
    """
    while chance_to_pass(limit, n) > WORTH_REPORTING:
        n *= 2
    return n


def _luck(test: Threshold, estimate: Estimate, measure: Measure, limit: float) -> str:
    """Word how often a worse model passes a threshold without `sure`, for shares of independent cases."""
    if test.sure or test.operator == "==" or estimate.method != "Wilson" or measure.name == "errors":
        return ""
    share = limit / measure.scale
    chance = chance_to_pass(share if test.operator == ">=" else 1 - share, estimate.n)
    worse = share - SHORTFALL if test.operator == ">=" else share + SHORTFALL
    if not 0 < worse < 1 or chance < WORTH_REPORTING:
        return ""
    passes = f"a model at {100 * worse:.4g} % would pass in {100 * chance:.0f} of 100 trials"
    return f"; {passes} (add 'sure' to prevent this)"


def _needed(test: Threshold, estimate: Estimate, measure: Measure, limit: float, alpha: float) -> str:
    """About how many more cases would exclude the limit from the interval, if the estimate is right."""
    if measure.kind != "proportion" or estimate.value == limit:
        return "more cases"
    more = _cases_to_settle(estimate, measure, limit, alpha) - estimate.n
    side = "below" if estimate.value < limit else "above"
    surely = ", but the whole interval has to be" if test.sure and side == _GOOD_SIDES[test.operator] else ""
    return f"the estimate is {side} the limit{surely}; about {counted(max(more, 1), 'more case')} would settle it"


_GOOD_SIDES = {">=": "above", "<=": "below"}


def _cases_to_settle(estimate: Estimate, measure: Measure, limit: float, alpha: float) -> int:
    """Where the rule's own interval at the level 1 − ``alpha`` excludes the limit.

    Wilson's interval excludes it exactly where the score test does, whose variance is that of the limit. The width of
    another interval falls with the square root of the number of cases.
    """
    distance, share = abs(estimate.value - limit) / measure.scale, limit / measure.scale
    z = quantile(1 - alpha)
    if estimate.method == "Wilson":
        return int(z**2 * share * (1 - share) / distance**2) + 1
    half = (estimate.high - estimate.low) / (2 * measure.scale) * z / quantile(estimate.level)
    return ceil(estimate.n * (half / distance) ** 2)
