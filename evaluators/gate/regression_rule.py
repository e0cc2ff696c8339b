"""The ledger of flips: cases that the base gets right in every repeat and the candidate in none, and the other way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from evaluators.comparison.pairing import counterparts
from evaluators.comparison.wording import p_in_words, where
from evaluators.criteria.grammar import Level
from evaluators.criteria.metric_catalogue import BUILT_IN, UNSCORED, Measure, ended_as, of_stat
from evaluators.criteria.validation import limit_of
from evaluators.gate.multiplicity import ALPHA, Judged
from evaluators.gate.threshold_rule import by_truth_table
from evaluators.results.run_table import Ints, Marks, RunTable, table_of
from evaluators.results.scope import Scope
from evaluators.suite import Suite
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.run import Run
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.paired.mcnemar import exact_one_sided

MOST_NAMED = 5
RIGHT, WRONG, MIXED, NOT_JUDGED, UNKNOWN = range(5)
"""What the repeats of a case say together; ``UNKNOWN``: one of them is unscored."""
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Flips:
    """Case ids lost and gained, how many cases were judged on both sides, and of how many others it is unknown.

    ``unknown_lost``: unscored cases that could be lost, as the base was not wrong in them; the other likewise.
    """

    lost: tuple[str, ...]
    gained: tuple[str, ...]
    judged: int
    unknown_lost: int = 0
    unknown_gained: int = 0


def flipped(suite: Suite, runs: tuple[Run | RunTable, Run | RunTable], scope: Scope | None = None) -> Flips:
    """What flipped, consistent over all repeats: always right before and always wrong now, or the other way."""
    new, old = table_of(runs[0]), table_of(runs[1])
    match = counterparts(new, old)
    both = (match >= 0) & inside(new, scope)
    both[both] = inside(old, scope)[match[both]]
    cases = np.flatnonzero(both)
    before, now = marks_of(suite, old)[match[cases]], marks_of(suite, new)[cases]
    return Flips(
        lost=_named(new, cases[(before == RIGHT) & (now == WRONG)]),
        gained=_named(new, cases[(before == WRONG) & (now == RIGHT)]),
        judged=int(np.count_nonzero((before < NOT_JUDGED) & (now < NOT_JUDGED))),
        unknown_lost=_unknown(before, now, RIGHT, WRONG),
        unknown_gained=_unknown(before, now, WRONG, RIGHT),
    )


def inside(run: RunTable, scope: Scope | None) -> Marks:
    """Each case: whether it lies in the slice."""
    found = run.in_scope(scope)
    return np.ones(len(run.case_ids), dtype=bool) if found is None else found


def _named(run: RunTable, cases: Ints) -> tuple[str, ...]:
    return tuple(run.case_ids[at] for at in cases)


def _unknown(before: Codes, now: Codes, was: int, becomes: int) -> int:
    """Cases that could have flipped so: unscored on one side, and the other side does not rule it out."""
    open_ = (before == UNKNOWN) | (now == UNKNOWN)
    return int(np.count_nonzero(open_ & np.isin(before, (was, UNKNOWN)) & np.isin(now, (becomes, UNKNOWN))))


def judge_ledger(
    rule: str, source: str, test: Level, measure: Measure, *, flips: Flips, scope: Scope | None
) -> Finding:
    """A count is exact, unless cases that are not scored could change it: then, or without any, it cannot be told."""
    cases, unknown = flips.lost, flips.unknown_lost
    if measure.name == "gained":
        cases, unknown = flips.gained, flips.unknown_gained
    judged, least = flips.judged, float(len(cases))
    count = Estimate(least, least, least + unknown, 1.0, judged, "count")
    name = where(measure.name, str(scope or ""))
    found = Comparison(
        measure.name, str(scope or ""), None, None, count, "cannot tell", len(flips.gained), len(flips.lost), judged
    )
    if judged == 0:
        says, needed = f"{name} can't be counted: no case is scored on both sides", "cases scored on both sides"
        return Finding(rule, source, "cannot tell", says, needed, measure.name, found.scope, found)
    result = _counted(test, count, limit_of(test, measure))
    named = ", ".join(cases[:MOST_NAMED]) + (f" and {len(cases) - MOST_NAMED} more" if len(cases) > MOST_NAMED else "")
    says = f"{name}: {len(cases)} of {judged} cases" + (f" ({named})" if cases else "")
    says += f"; {unknown} more could be, but are not scored on both sides" if unknown else ""
    needed = "run the cases that failed again" if result == "cannot tell" else ""
    return Finding(rule, source, result, says, needed, measure.name, found.scope, found)


def _counted(test: Level, count: Estimate, limit: float) -> Result:
    """Pass or fail only if no unscored case could change it."""
    most = replace(count, value=count.high)
    results = {by_truth_table(test, replace(one, low=one.value, high=one.value), limit) for one in (count, most)}
    if test.operator == "==" and count.low <= limit <= count.high and count.low < count.high:
        return "cannot tell"
    return results.pop() if len(results) == 1 else "cannot tell"


def marks_of(suite: Suite, run: RunTable) -> Codes:
    """Each case over all repeats: right, wrong, now this and now that, not judged by any scorer, or unscored."""
    return run.keep(("marks", suite.digest, suite.name), partial(_all_marks, suite, run))


def _all_marks(suite: Suite, run: RunTable) -> Codes:
    known, best = _judged(suite, run)
    unscored = ended_as(run, UNSCORED)
    found = np.full(len(run.case_ids), MIXED, dtype=np.uint8)
    found[~run.any_of_case(known & ~best)] = RIGHT
    found[~run.any_of_case(known & best)] = WRONG
    found[run.any_of_case(~known)] = NOT_JUDGED
    found[run.any_of_case(unscored)] = UNKNOWN
    return found


def _judged(suite: Suite, run: RunTable) -> tuple[Marks, Marks]:
    """Each result: whether a scorer says if it is right, and whether every scorer's main stat is at its best.

    Corpus stats say nothing about one case and are left out.
    """
    known, best = np.zeros(run.n, dtype=bool), np.ones(run.n, dtype=bool)
    for scorer in suite.scorers:
        main = of_stat(scorer.name, scorer.stats[0])
        if main.kind not in ("proportion", "mean"):
            continue
        values = main.values(run)
        asked = ~np.isnan(values)
        for tag, value in suite.when.get(scorer.name, {}).items():
            asked &= inside(run, Scope(tag, value))[run.case_of]
        known |= asked
        best &= ~asked | (values >= main.scale if main.higher_is_better else values <= 0)
    return known, best


LOST = "lost"
TEMPERATURE = "temperature"
KEPT = 0.02
"""The share of kept answers from which on a run of the base does not count as another one."""


def samples(suite: Suite) -> bool:
    """Whether the suite asks for sampled answers: at a temperature above 0, or at the provider's own."""
    return suite.params.get(TEMPERATURE) != 0


def judge_lost(
    rule: str,
    source: str,
    test: Level,
    *,
    suite: Suite,
    runs: tuple[RunTable, RunTable],
    first: RunTable | None,
    scope: Scope | None,
) -> Judged:
    """``runs``: candidate and the newest run of the base; ``first``: the base's run before.

    The cases are those that the first run of the base passed in every repeat. Of them the candidate loses some, and so
    does the second run of the base, by sampling alone. Pass: the candidate loses no more than the limit, or no more
    than the base. Fail: it loses more than both, and more than luck would by McNemar's exact test. Selecting on a run
    that is not compared leaves the two exchangeable where the models are the same.
    """
    name, place = where(LOST, str(scope or "")), str(scope or "")
    if first is None or first.cached.mean() > KEPT or runs[1].cached.mean() > KEPT:
        said = f"{name} can't be counted: answers are sampled, so that the base loses cases to itself"
        command = f"run the base twice more: {suite.command(runs[1].target)} --fresh (or ask with temperature: 0)"
        return Judged(Finding(rule, source, "cannot tell", said, command, LOST, place))
    lost, base_lost, judged = _lost(suite, runs, first, scope)
    limit = limit_of(test, BUILT_IN[LOST])
    new = len(np.setdiff1d(lost, base_lost))
    own = len(np.setdiff1d(base_lost, lost))
    p = exact_one_sided(new, own)
    count = Estimate(float(len(lost)), float(len(lost)), float(len(lost)), 1.0, judged, "count")
    evidence = Comparison(
        LOST, place, None, None, count, "cannot tell", own, new, judged, p, "McNemar, exact, one-sided"
    )
    if judged == 0:
        none = f"{name} can't be counted: the base's first run passed no case that both others were scored on"
        return Judged(Finding(rule, source, "cannot tell", none, "cases that the base passes", LOST, place, evidence))
    within = by_truth_table(test, count, limit) == "pass" or len(lost) <= len(base_lost)
    named = ", ".join(runs[0].case_ids[at] for at in lost[:MOST_NAMED])
    named += f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""

    def found(result: Result) -> Finding:
        says = f"{name}: {len(lost)} of {judged} cases that the base passed" + (f" ({named})" if named else "")
        says += f"; the base, run again, loses {len(base_lost)} (McNemar, exact: p {p_in_words(p)})"
        needed = "more cases, or more repeats of each" if result == "cannot tell" else ""
        return Finding(rule, source, result, says, needed, LOST, place, evidence)

    if within:
        return Judged(found("pass"))
    result: Result = "fail" if p <= ALPHA else "cannot tell"
    return Judged(found(result), fails_at=lambda alpha: p <= alpha, doubtful=lambda: found("cannot tell"))


def _lost(
    suite: Suite, runs: tuple[RunTable, RunTable], first: RunTable, scope: Scope | None
) -> tuple[Ints, Ints, int]:
    """The candidate's places of cases that it lost, that the second base run lost, and how many were judged."""
    new, second = runs
    at_second, at_first = counterparts(new, second), counterparts(new, first)
    cases = np.flatnonzero((at_second >= 0) & (at_first >= 0) & inside(new, scope))
    passed = marks_of(suite, first)[at_first[cases]] == RIGHT
    cases = cases[passed]
    now, again = marks_of(suite, new)[cases], marks_of(suite, second)[at_second[cases]]
    known = (now < UNKNOWN) & (again < UNKNOWN)
    return cases[known & (now == WRONG)], cases[known & (again == WRONG)], int(np.count_nonzero(known))
