"""The ledger of flips: cases that the base gets right in every repeat and the candidate in none, and the other way."""

from __future__ import annotations

from evaluators.gate_fit import limit_of
from evaluators.gate_levels import by_truth_table
from evaluators.gate_lines import Level, Scope
from evaluators.gate_words import where
from evaluators.measures import UNSCORED, Measure, of_stat
from evaluators.pairing import Results, by_case
from evaluators.suite import Suite
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.run import CaseResult, Run
from fairtrial.domain.verdict import Finding

MOST_NAMED = 5
Flips = tuple[list[str], list[str], int]
"""Lost, gained, and how many cases were judged on both sides."""


def right(suite: Suite, result: CaseResult) -> bool | None:
    """Whether every scorer's main stat is at its best, ``None`` if the case is unscored.

    Corpus stats say nothing about one case and are left out.
    """
    if result.outcome in UNSCORED:
        return None
    mains = [of_stat(one.name, one.stats[0]) for one in suite.scorers_of(result.case)]
    values = [(main, main.value(result)) for main in mains if main.kind in ("proportion", "mean")]
    known = [
        value >= main.scale if main.higher_is_better else value <= 0 for main, value in values if value is not None
    ]
    return all(known) if known else None


def flipped(suite: Suite, runs: tuple[Run, Run], scope: Scope | None = None) -> Flips:
    """Case ids lost and gained, consistent over all repeats, and how many cases were judged on both sides."""
    new, old = (by_case(run.results, scope) for run in runs)
    lost, gained, judged = [], [], 0
    for case in (case for case in new if case in old):
        now, before = _consistent(suite, new[case]), _consistent(suite, old[case])
        judged += now != "unscored" and before != "unscored"
        if (before, now) == ("right", "wrong"):
            lost.append(case)
        if (before, now) == ("wrong", "right"):
            gained.append(case)
    return lost, gained, judged


def judge_ledger(
    rule: str, source: str, test: Level, measure: Measure, *, flips: Flips, scope: Scope | None
) -> Finding:
    """A count is exact: it holds or it fails; without a single judged case it cannot be told."""
    lost, gained, judged = flips
    cases = lost if measure.name == "lost" else gained
    count = Estimate(float(len(cases)), float(len(cases)), float(len(cases)), 1.0, judged, "count")
    name = where(measure.name, str(scope or ""))
    found = Comparison(measure.name, str(scope or ""), None, None, count, "cannot tell", len(gained), len(lost), judged)
    if judged == 0:
        says, needed = f"{name} can't be counted: no case is scored on both sides", "cases scored on both sides"
        return Finding(rule, source, "cannot tell", says, needed, measure.name, found.scope, found)
    result = by_truth_table(test, count, limit_of(test, measure))
    named = ", ".join(cases[:MOST_NAMED]) + (f" and {len(cases) - MOST_NAMED} more" if len(cases) > MOST_NAMED else "")
    says = f"{name}: {len(cases)} of {judged} cases" + (f" ({named})" if cases else "")
    return Finding(rule, source, result, says, "", measure.name, found.scope, found)


def _consistent(suite: Suite, repeats: Results) -> str:
    marks = {right(suite, one) for one in repeats}
    if None in marks:
        return "unscored"
    return "right" if marks == {True} else "wrong" if marks == {False} else "mixed"
