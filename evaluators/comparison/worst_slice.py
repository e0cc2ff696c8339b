"""Names the slice of a suite in which the candidate is worst, with the counts of both sides; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluators.comparison.compare import figures
from evaluators.comparison.pairing import Pairs, Side, pair, slices_of
from evaluators.comparison.wording import amount
from evaluators.criteria.metric_catalogue import Measure, of_stat
from evaluators.results.run_table import RunTable
from evaluators.results.scope import Scope
from evaluators.suite import Suite
from fairtrial.domain.verdicts.verdict import Finding
from fairtrial.domain.wording import counted

MIN_CASES = 5
"""A slice with fewer cases is not named, because one case would make it the worst."""
RULE = "worst slice"


@dataclass(frozen=True, slots=True)
class _Slice:
    """One slice on one measure. ``level`` and ``change`` are shares of the scale, and more is better."""

    measure: Measure
    scope: Scope
    pairs: Pairs
    level: float
    change: float


def worst_slice(suite: Suite, candidate: RunTable, baseline: RunTable) -> Finding | None:
    """The slice with the candidate's lowest level on a scorer's main stat, and that with the largest loss.

    ``None`` if no slice of the suite has enough cases that are scored on both sides.
    """
    found = list(_slices(suite, candidate, baseline))
    if not found:
        return None
    worst = min(found, key=lambda one: (one.level, one.change))
    lost = min(found, key=lambda one: (one.change, one.level))
    targets = candidate.target, baseline.target
    says = f"{suite.name}: the worst slice is {_in_words(worst, *targets)}"
    if lost.change < 0 and lost is not worst:
        says += f"; the largest loss is in {_in_words(lost, *targets)}"
    evidence = figures(worst.measure, worst.pairs, str(worst.scope))
    return Finding(
        RULE, suite.name, "cannot tell", says, "", worst.measure.name, str(worst.scope), evidence, decisive=False
    )


def _slices(suite: Suite, candidate: RunTable, baseline: RunTable) -> Iterator[_Slice]:
    scopes = slices_of(candidate, suite.slices)
    measures = (of_stat(scorer.name, scorer.stats[0]) for scorer in suite.scorers)
    for measure in (one for one in measures if one.kind in ("proportion", "mean")):
        whole = pair(measure, candidate, baseline).n
        for scope in scopes:
            pairs = pair(measure, candidate, baseline, scope)
            if MIN_CASES <= pairs.n < whole:
                level = float(np.mean(pairs.candidate.values)) * measure.sign / measure.scale
                yield _Slice(measure, scope, pairs, level, _change(measure, pairs))


def _change(measure: Measure, pairs: Pairs) -> float:
    return float(np.mean(pairs.differences)) * measure.sign / measure.scale


def _in_words(one: _Slice, candidate: str, baseline: str) -> str:
    """``difficulty:hard, where label.accuracy is 0 of 12 for tuned and 2 of 12 for base``."""
    new, old = (
        _figure(one.measure, side, exact=one.pairs.binary) for side in (one.pairs.candidate, one.pairs.baseline)
    )
    cases = "" if one.pairs.binary else f" over {counted(one.pairs.n, 'case')}"
    return f"{one.scope}, where {one.measure.name} is {new} for {candidate} and {old} for {baseline}{cases}"


def _figure(measure: Measure, side: Side, *, exact: bool) -> str:
    return f"{round(side.values.sum())} of {side.n}" if exact else amount(float(np.mean(side.values)), measure)
