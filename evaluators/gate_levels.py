"""Floors and ceilings: one line against one run, by the truth table."""

from __future__ import annotations

from evaluators.gate_fit import limit_of
from evaluators.gate_lines import Level, Scope
from evaluators.gate_words import amount, limit_in_words, where
from evaluators.levels import level_of
from evaluators.measures import Measure
from evaluators.run_table import RunTable
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.intervals import quantile


def judge_level(
    rule: str, source: str, test: Level, measure: Measure, *, run: RunTable, scope: Scope | None
) -> Finding:
    """Fail: the whole 95 % interval is on the wrong side; cannot tell: only the point is; pass: the point is right.

    With ``sure`` a pass needs the whole interval. A failed `errors` line is INVALID: what can't be scored proves
    nothing about the candidate.
    """
    found, limit = level_of(measure, run, scope), limit_of(test, measure)
    name = where(measure.name, str(scope or ""))
    if isinstance(found, NotEnough):
        says, needed = f"{name} can't be measured: {found.reason}", found.needed
        result: Result = "cannot tell"
    else:
        result = by_truth_table(test, found, limit)
        says, needed = _says(name, found, measure, limit_in_words(test, limit, measure), result), ""
        needed = _needed(test, found, measure, limit) if result == "cannot tell" else ""
    if measure.name == "errors" and result == "fail":
        result, needed = "invalid", f"run {run.suite} on {run.target} again: the cases that failed are asked anew"
    return Finding(rule, source, result, says, needed, measure.name, str(scope or ""), found)


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
