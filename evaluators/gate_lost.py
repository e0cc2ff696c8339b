"""`lost == 0` where answers are sampled: what the base loses of its own passes, when it is run again, is no loss."""

from __future__ import annotations

import numpy as np

from evaluators.gate_family import ALPHA, Judged
from evaluators.gate_fit import limit_of
from evaluators.gate_ledger import MOST_NAMED, RIGHT, UNKNOWN, WRONG, inside, marks_of
from evaluators.gate_levels import by_truth_table
from evaluators.gate_lines import Level, Scope
from evaluators.gate_words import p_in_words, where
from evaluators.measures import BUILT_IN
from evaluators.pairing import counterparts
from evaluators.run_table import Ints, RunTable
from evaluators.suite import Suite
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.paired.mcnemar import exact_one_sided

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
