"""Turns the rules of a gate into lines whose results can be simulated for many trials at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from sys import maxsize
from typing import Literal

import numpy as np

from evaluators.comparison.answer import has_p, is_binary
from evaluators.comparison.comparability import differences
from evaluators.comparison.compare import figures
from evaluators.comparison.no_signal import lacks_signal
from evaluators.comparison.pairing import Pairs, pair
from evaluators.criteria.grammar import Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import COUNTS, Measure, measure_of
from evaluators.criteria.validation import limit_of, margin_of, scopes_of
from evaluators.gate.rules import Rule
from evaluators.gate.simulation.score_test import ScoreTest
from evaluators.results.run_table import Floats, Ints, Marks, RunTable
from evaluators.trial import Trial

NEVER = maxsize
"""More cases than any run has: a line without a signal never passes."""
KINDS = ("proportion", "mean")
ONE_SIDED, TWO_SIDED = 0.95, 0.975
"""The shares below the bound of a comparison and below that of a floor with `sure`."""
Test = Literal["tango", "wilson", "score", "estimate"]
"""What decides: Tango's bound, Wilson's bound, the bound of `score_mean`, or the estimate without a bound."""


@dataclass(frozen=True, slots=True)
class Line:
    """One rule in one slice, turned so that more is better.

    The units are cases, or clusters. ``keep`` and ``swap`` have the sum over each unit's cases in the slice: with the
    results as they are, and with those of candidate and base exchanged. ``count`` has the number of these cases. The
    mean has to clear ``limit``, and ``lowest`` is the least value of a case. ``tested``: an exact p has to agree.
    ``required``: the number of cases that the line requires (`with N cases`). ``margin`` is that of a "not worse" line.
    """

    rule: int
    keep: Floats
    swap: Floats
    count: Floats
    limit: float
    test: Test
    lowest: float = -1.0
    upper: float = ONE_SIDED
    tested: bool = False
    required: int = 0
    margin: float | None = None

    def of(self, units: Ints) -> Line:
        """The line restricted to these units."""
        return replace(self, keep=self.keep[units], swap=self.swap[units], count=self.count[units])

    @property
    def moving(self) -> Marks:
        """The units that change if the sides are exchanged."""
        return np.asarray((self.keep != self.swap) & (self.count > 0), dtype=bool)

    @property
    def score(self) -> ScoreTest:
        """The score test of this line; its kinds are the units that keep their side, then those that swap."""
        sums, sizes = np.concatenate([self.keep, self.swap]), np.concatenate([self.count, self.count])
        return ScoreTest(sums, sizes, self.limit, self.lowest, self.upper)

    @property
    def cases(self) -> int:
        return int(self.count.sum())

    @property
    def differing(self) -> int:
        """The number of units that change if the sides are exchanged, such as cases with different answers."""
        return int(np.count_nonzero(self.moving))


@dataclass(slots=True)
class Group:
    """The lines of one suite; its ``size`` units (cases or clusters) swap sides independently."""

    size: int
    lines: list[Line] = field(default_factory=list)

    def only(self, rule: int) -> Group:
        """The group with the lines of one rule."""
        return Group(self.size, [line for line in self.lines if line.rule == rule])


def runs_of(rule: Rule, trial: Trial) -> tuple[RunTable, RunTable] | None:
    """Both finished runs of the rule's suite, if they are comparable."""
    found = [trial.table(rule.suite.name, target) for target in (trial.candidate, trial.baseline)]
    runs = [run for run in found if run is not None and run.suite_digest == rule.suite.digest]
    if len(runs) < len(found) or any(run.interrupted for run in runs) or differences(*runs):
        return None
    return runs[0], runs[1]


def why_not_simulated(rule: Rule, trial: Trial | None) -> str:
    """Why the rule is taken as met; "" if it is simulated. Without a trial, runs are not required."""
    test, measure = rule.line.test, measure_of(rule.suite, rule.line.metric)
    if rule.line.metric in COUNTS:
        return "a count"
    if measure is None or measure.kind not in KINDS:
        return "a figure of all cases together"
    if isinstance(test, VersusBaseline):
        if test.ref != "base" and (trial is None or test.ref != trial.baseline):
            return f"a comparison with {test.ref}"
    elif not isinstance(test, Threshold) or test.operator == "==":
        return "an exact value"
    return "there are no comparable runs" if trial is not None and runs_of(rule, trial) is None else ""


def lines_of(number: int, rule: Rule, runs: tuple[RunTable, RunTable]) -> Iterator[Line]:
    """The lines of a rule that is simulated, one for each slice, over the cases that are scored on both sides."""
    measure, test = measure_of(rule.suite, rule.line.metric), rule.line.test
    if measure is None:
        raise ValueError(f"{rule.line.metric} is not measured by {rule.suite.name}")
    for scope in scopes_of(rule.suite, rule.line.scope):
        pairs = pair(measure, *runs, scope)
        found = _compared(number, test, measure, pairs) if isinstance(test, VersusBaseline) else None
        if isinstance(test, Threshold):
            found = _level(number, test, measure, pairs)
        if found is not None:
            compared = isinstance(test, VersusBaseline)
            silent = compared and lacks_signal(measure, figures(measure, pairs, ""), runs[0], scope)
            yield replace(found, required=NEVER if silent else rule.line.with_count or 0)


def size_of(run: RunTable) -> int:
    """How many clusters the run has, or cases if none is declared."""
    return len(run.case_ids) if run.clusters is None else int(run.clusters.max(initial=0)) + 1


def _compared(number: int, test: VersusBaseline, measure: Measure, pairs: Pairs) -> Line:
    """A comparison: candidate − baseline, or candidate − factor · baseline for a relative margin."""
    direction = 1 if test.question == "better" else -1
    relative = test.margin is not None and test.unit == "%"
    factor = 1.0
    if relative and test.margin is not None:
        factor = 1 + direction * measure.sign * test.margin / 100
    margin = None if relative or direction > 0 else margin_of(test, measure)
    most, new, old = _most(measure, pairs), pairs.candidate.values, pairs.baseline.values
    return Line(
        number,
        *_sums(pairs, measure.sign * (new - factor * old), measure.sign * (old - factor * new)),
        limit=0.0 if relative else direction * margin_of(test, measure),
        test="tango" if is_binary(measure, pairs) and not relative else "score",
        lowest=-factor * most if measure.sign > 0 else -most,
        tested=test.margin is None and has_p(measure),
        margin=margin,
    )


def _level(number: int, test: Threshold, measure: Measure, pairs: Pairs) -> Line:
    """A floor or a ceiling on the candidate's level; a ceiling is turned into a floor."""
    turn = 1 if test.operator == ">=" else -1
    new, old = pairs.candidate.values, pairs.baseline.values
    most = measure.scale if measure.form == "share" else _most(measure, pairs)
    return Line(
        number,
        *_sums(pairs, turn * new, turn * old),
        limit=turn * limit_of(test, measure),
        test="estimate" if not test.sure else "wilson" if is_binary(measure, pairs) else "score",
        lowest=0.0 if turn > 0 else -most,
        upper=TWO_SIDED,
    )


def _sums(pairs: Pairs, keep: Floats, swap: Floats) -> tuple[Floats, Floats, Floats]:
    run = pairs.candidate.run
    units = pairs.candidate.cases if run.clusters is None else run.clusters[pairs.candidate.cases]
    columns = (np.bincount(units, weights=one, minlength=size_of(run)) for one in (keep, swap, np.ones(pairs.n)))
    first, second, third = (np.asarray(one, dtype=np.float64) for one in columns)
    return first, second, third


def _most(measure: Measure, pairs: Pairs) -> float:
    """The largest value that one case can have, as comparisons assume it."""
    if measure.form == "share" or not pairs.n:
        return measure.scale
    return float(max(np.abs(pairs.candidate.values).max(), np.abs(pairs.baseline.values).max())) or 1.0
