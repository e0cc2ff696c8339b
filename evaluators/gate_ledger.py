"""The ledger of flips: cases that the base gets right in every repeat and the candidate in none, and the other way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from evaluators.gate_fit import limit_of
from evaluators.gate_levels import by_truth_table
from evaluators.gate_lines import Level, Scope
from evaluators.gate_words import where
from evaluators.measures import UNSCORED, Measure, of_stat
from evaluators.pairing import Results, by_case
from evaluators.suite import Suite
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.run import CaseResult, Run
from fairtrial.domain.verdict import Finding, Result

MOST_NAMED = 5


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
    """What flipped, consistent over all repeats: always right before and always wrong now, or the other way."""
    new, old = (by_case(run.results, scope) for run in runs)
    marks = {case: (_consistent(suite, old[case]), _consistent(suite, new[case])) for case in new if case in old}
    return Flips(
        lost=tuple(case for case, found in marks.items() if found == ("right", "wrong")),
        gained=tuple(case for case, found in marks.items() if found == ("wrong", "right")),
        judged=sum(not {"unscored", "not judged"} & set(found) for found in marks.values()),
        unknown_lost=_unknown(marks.values(), "right", "wrong"),
        unknown_gained=_unknown(marks.values(), "wrong", "right"),
    )


def _unknown(marks: Iterable[tuple[str, str]], before: str, now: str) -> int:
    """Cases that could have flipped so: unscored on one side, and the other side does not rule it out."""
    open_ = [found for found in marks if "unscored" in found]
    return sum(one in (before, "unscored") and other in (now, "unscored") for one, other in open_)


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


def _consistent(suite: Suite, repeats: Results) -> str:
    marks = {right(suite, one) for one in repeats}
    if any(one.outcome in UNSCORED for one in repeats):
        return "unscored"
    if None in marks:
        return "not judged"
    return "right" if marks == {True} else "wrong" if marks == {False} else "mixed"
