"""Finds and judges regressions: cases that the base passes in every repeat and the candidate in none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from evaluators.comparison.pairing import counterparts, made_by_probes
from evaluators.comparison.presentation import NO_SIGNAL, p_in_words, subject
from evaluators.criteria.grammar import Threshold
from evaluators.criteria.metric_catalogue import BUILT_IN, Measure, ended_as, of_stat
from evaluators.criteria.validation import limit_of
from evaluators.gate.multiplicity import RuleResult
from evaluators.gate.threshold_rule import by_truth_table
from evaluators.results.run_table import Ints, Marks, RunTable, Scope, table_of
from evaluators.suite import Suite
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.promises import ALPHA, MOST_CACHED
from fairtrial.domain.run import MANY, UNSCORED, Run
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.domain.wording import counted
from fairtrial.stats.paired.paired_tests import exact_one_sided

MOST_NAMED = 5
RIGHT, WRONG, MIXED, NOT_JUDGED, UNKNOWN = range(5)
"""The state of a case over all its repeats; ``UNKNOWN``: one of them is unscored."""
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Regressions:
    """The ids of lost and gained cases, and how many cases were judged on both sides.

    ``unknown_lost`` counts unscored cases that could be lost, because the base did not fail them; ``unknown_gained``
    counts those that could be gained. ``silent``: probes made all judged cases, and neither side passes any.
    """

    lost: tuple[str, ...]
    gained: tuple[str, ...]
    judged: int
    unknown_lost: int = 0
    unknown_gained: int = 0
    silent: bool = False


def find_regressions(
    suite: Suite, runs: tuple[Run | RunTable, Run | RunTable], scope: Scope | None = None
) -> Regressions:
    """The cases that changed in all repeats: always right before and always wrong now, or the reverse."""
    new, old = table_of(runs[0]), table_of(runs[1])
    match = counterparts(new, old)
    both = (match >= 0) & scope_mask(new, scope)
    both[both] = scope_mask(old, scope)[match[both]]
    cases = np.flatnonzero(both)
    before, now = marks_of(suite, old)[match[cases]], marks_of(suite, new)[cases]
    judged = (before < NOT_JUDGED) & (now < NOT_JUDGED)
    return Regressions(
        lost=_named(new, cases[(before == RIGHT) & (now == WRONG)]),
        gained=_named(new, cases[(before == WRONG) & (now == RIGHT)]),
        judged=int(np.count_nonzero(judged)),
        unknown_lost=_unknown(before, now, RIGHT, WRONG),
        unknown_gained=_unknown(before, now, WRONG, RIGHT),
        silent=bool(np.all((before == WRONG) & (now == WRONG) | ~judged)) and made_by_probes(new, cases[judged]),
    )


def scope_mask(run: RunTable, scope: Scope | None) -> Marks:
    """For each case, whether it lies in the slice."""
    mask = run.in_scope(scope)
    return np.ones(len(run.case_ids), dtype=bool) if mask is None else mask


def _named(run: RunTable, cases: Ints) -> tuple[str, ...]:
    return tuple(run.case_ids[at] for at in cases)


def _unknown(before: Codes, now: Codes, was: int, becomes: int) -> int:
    """Cases that could have changed this way: unscored on one side, and the other side does not rule it out."""
    open_ = (before == UNKNOWN) | (now == UNKNOWN)
    return int(np.count_nonzero(open_ & np.isin(before, (was, UNKNOWN)) & np.isin(now, (becomes, UNKNOWN))))


def judge_regressions(
    rule: str, source: str, test: Threshold, measure: Measure, *, changes: Regressions, scope: Scope | None
) -> Finding:
    """Judge a count, which is exact; it is undecided if unscored cases could change it, or if no case is scored."""
    cases, unknown = changes.lost, changes.unknown_lost
    if measure.name == "gained":
        cases, unknown = changes.gained, changes.unknown_gained
    judged, least = changes.judged, float(len(cases))
    count = Estimate(least, least, least + unknown, 1.0, judged, "count")
    name = subject(measure.name, str(scope or ""))
    comparison = Comparison(
        measure.name, str(scope or ""), None, None, count, "cannot tell", len(changes.gained), len(changes.lost), judged
    )
    if judged == 0:
        sentence, needed = f"{name} cannot be counted: no case is scored on both sides", "cases scored on both sides"
        return Finding(rule, source, "cannot tell", sentence, needed, measure.name, comparison.scope, comparison)
    if changes.silent:
        comparison = replace(comparison, rule=NO_SIGNAL)
        return Finding(rule, source, "cannot tell", *_silent(name, judged), measure.name, comparison.scope, comparison)
    result = _counted(test, count, limit_of(test, measure))
    sentence = f"{name}: {len(cases)} of {counted(judged, 'case')}{_listed(cases)}"
    sentence += (
        f"; {counted(unknown, 'more case')} could be {measure.name}, not being scored on both sides" if unknown else ""
    )
    needed = "run the cases that failed again" if result == "cannot tell" else ""
    return Finding(rule, source, result, sentence, needed, measure.name, comparison.scope, comparison)


def _silent(name: str, judged: int) -> tuple[str, str]:
    """Word the finding if neither model passes any case of a probe, and what is needed."""
    sentence = (
        f"no signal: {name} shows nothing, because neither model passes any of {counted(judged, 'case')} of probes"
    )
    return sentence, "cases that the base passes"


def _listed(cases: Sequence[str]) -> str:
    """`` (c1, c2 and 3 more)``, or nothing without a case."""
    if not cases:
        return ""
    more = f" and {len(cases) - MOST_NAMED} more" if len(cases) > MOST_NAMED else ""
    return f" ({', '.join(cases[:MOST_NAMED])}{more})"


def _counted(test: Threshold, count: Estimate, limit: float) -> Result:
    """Pass or fail only if no unscored case could change the result."""
    most = replace(count, value=count.high)
    results = {
        by_truth_table(test, replace(estimate, low=estimate.value, high=estimate.value), limit)
        for estimate in (count, most)
    }
    if test.operator == "==" and count.low <= limit <= count.high and count.low < count.high:
        return "cannot tell"
    return results.pop() if len(results) == 1 else "cannot tell"


def marks_of(suite: Suite, run: RunTable) -> Codes:
    """The state of each case over all repeats: right, wrong, mixed, not judged by any scorer, or unscored."""
    return run.memoize(("marks", suite.digest, suite.name), partial(_all_marks, suite, run))


def _all_marks(suite: Suite, run: RunTable) -> Codes:
    known, best = _judged(suite, run)
    unscored = ended_as(run, UNSCORED)
    marks = np.full(len(run.case_ids), MIXED, dtype=np.uint8)
    marks[~run.any_of_case(known & ~best)] = RIGHT
    marks[~run.any_of_case(known & best)] = WRONG
    marks[run.any_of_case(~known)] = NOT_JUDGED
    marks[run.any_of_case(unscored)] = UNKNOWN
    return marks


def _judged(suite: Suite, run: RunTable) -> tuple[Marks, Marks]:
    """For each result, whether a scorer judges it, and whether every scorer's main stat has its best value.

    Corpus stats are left out, because they do not judge single cases.
    """
    known, best = np.zeros(run.n, dtype=bool), np.ones(run.n, dtype=bool)
    for scorer in suite.scorers:
        main = of_stat(scorer.name, scorer.stats[0])
        if main.kind not in ("proportion", "mean"):
            continue
        values = main.values(run)
        scored = ~np.isnan(values)
        for tag, value in suite.when.get(scorer.name, {}).items():
            marks = [scope_mask(run, Scope(tag, value_part))[run.case_of] for value_part in value.split(MANY)]
            scored &= np.logical_or.reduce(marks)
        known |= scored
        best &= ~scored | (values >= main.scale if main.higher_is_better else values <= 0)
    return known, best


LOST = "lost"
TEMPERATURE = "temperature"


def is_sampled(suite: Suite) -> bool:
    """Whether answers are sampled: the temperature is above 0, or the provider's default."""
    return suite.params.get(TEMPERATURE) != 0


def judge_sampled_regressions(
    rule: str,
    source: str,
    test: Threshold,
    *,
    suite: Suite,
    runs: tuple[RunTable, RunTable],
    first: RunTable | None,
    scope: Scope | None,
) -> RuleResult:
    """Judge `lost` for sampled answers; ``runs``: candidate and newest base run; ``first``: the base run before it.

    Only cases count that the first run of the base passed in every repeat. The candidate loses some of them, and so
    does the second run of the base, by sampling alone. Pass: the candidate loses no more than the limit, or no more
    than the base. Fail: it loses more than both, significantly by McNemar's exact test. The cases are selected by a run
    that is not compared, so that two identical models are exchangeable.
    """
    name, place = subject(LOST, str(scope or "")), str(scope or "")
    if first is None or first.cached.mean() > MOST_CACHED or runs[1].cached.mean() > MOST_CACHED:
        sentence = f"{name} cannot be counted: answers are sampled, so the base also loses cases when it runs again"
        command = f"run the base twice more: {suite.command(runs[1].target)} --fresh (or set temperature: 0)"
        return RuleResult(Finding(rule, source, "cannot tell", sentence, command, LOST, place))
    lost, base_lost, judged = _lost_cases(suite, runs, first, scope)
    limit = limit_of(test, BUILT_IN[LOST])
    new = len(np.setdiff1d(lost, base_lost))
    own = len(np.setdiff1d(base_lost, lost))
    p = exact_one_sided(new, own)
    count = Estimate(float(len(lost)), float(len(lost)), float(len(lost)), 1.0, judged, "count")
    evidence = Comparison(
        LOST, place, None, None, count, "cannot tell", own, new, judged, p, "McNemar, exact, one-sided"
    )
    if judged == 0:
        none = f"{name} cannot be counted: the base's first run passed no case that is scored in both other runs"
        needed = "cases that the base passes"
        return RuleResult(Finding(rule, source, "cannot tell", none, needed, LOST, place, evidence))
    within = by_truth_table(test, count, limit) == "pass" or len(lost) <= len(base_lost)
    named = _listed([runs[0].case_ids[at] for at in lost])

    def finding(result: Result) -> Finding:
        sentence = f"{name}: {len(lost)} of {counted(judged, 'case')} that the base passed{named}"
        sentence += f"; another run of the base loses {len(base_lost)} (McNemar, exact: p {p_in_words(p)})"
        needed = "more cases, or more repeats of each" if result == "cannot tell" else ""
        return Finding(rule, source, result, sentence, needed, LOST, place, evidence)

    if within:
        return RuleResult(finding("pass"))
    result: Result = "fail" if p <= ALPHA else "cannot tell"
    return RuleResult(finding(result), fails_at=lambda alpha: p <= alpha, as_undecided=lambda _: finding("cannot tell"))


def _lost_cases(
    suite: Suite, runs: tuple[RunTable, RunTable], first: RunTable, scope: Scope | None
) -> tuple[Ints, Ints, int]:
    """The indices of cases that the candidate lost and that the second base run lost, and how many were judged."""
    new, second = runs
    at_second, at_first = counterparts(new, second), counterparts(new, first)
    cases = np.flatnonzero((at_second >= 0) & (at_first >= 0) & scope_mask(new, scope))
    cases = cases[marks_of(suite, first)[at_first[cases]] == RIGHT]
    now, again = marks_of(suite, new)[cases], marks_of(suite, second)[at_second[cases]]
    known = (now < UNKNOWN) & (again < UNKNOWN)
    return cases[known & (now == WRONG)], cases[known & (again == WRONG)], int(np.count_nonzero(known))
