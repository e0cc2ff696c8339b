"""Turns the rules of a gate into lines whose results can be simulated for many trials at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from sys import maxsize
from typing import Literal

import numpy as np
from numpy.random import Generator

from evaluators.comparison.compare import figures, has_p, is_binary, largest_value
from evaluators.comparison.pairing import Pairs, differences, lacks_signal, pair
from evaluators.comparison.question import Question
from evaluators.criteria.grammar import Rule, Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import COUNTS, Measure, measure_of
from evaluators.criteria.validation import limit_of, margin_of, scopes_of
from evaluators.gate.simulation.score_test import ScoreTest
from evaluators.results.run_table import Floats, Ints, Marks, RunTable, Scope
from evaluators.suite import Suite, applies, tag_values
from evaluators.trial import Trial
from fairtrial.domain.promises import ALPHA

NEVER = maxsize
"""More cases than any run has: a line without a signal never passes."""
KINDS = ("proportion", "mean")
ONE_SIDED, TWO_SIDED = 0.95, 0.975
"""The shares below the bound of a comparison and below that of a floor with `sure`."""
Test = Literal["tango", "wilson", "score", "estimate"]
"""What decides: Tango's bound, Wilson's bound, the bound of `score_mean`, or the estimate without a bound."""


@dataclass(frozen=True, slots=True)
class SimulatedLine:
    """One rule in one slice, turned so that more is better.

    The units are cases, or clusters. ``keep`` and ``swap`` have the sum over each unit's cases in the slice: with the
    results as they are, and with those of candidate and base exchanged. ``count`` has the number of these cases. The
    mean has to clear ``limit``; ``lowest`` and ``highest`` are the extreme values of a case. ``tested``: an exact p has
    to agree. ``enumerated``: an enumerated p has to agree above a positive limit. ``tau``: that of the always-valid
    bound, which decides if the units' sizes are too unequal; 0 without clusters. ``required``: the number of cases that
    the line requires (`with N cases`). ``margin`` is that of a "not worse" line. ``fails_by``: what fails the line, at
    the share ``fail_upper`` below the bound; ``None`` if it can't fail.
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
    highest: float = 1.0
    enumerated: bool = False
    tau: float = 0.0
    fails_by: Test | None = None
    fail_upper: float = ONE_SIDED

    def of(self, units: Ints) -> "SimulatedLine":
        """The line restricted to these units."""
        return replace(self, keep=self.keep[units], swap=self.swap[units], count=self.count[units])

    @property
    def mirrored(self) -> "SimulatedLine | None":
        """The line that passes exactly where this one fails; ``None`` if it can't fail."""
        if self.fails_by is None:
            return None
        return replace(
            self,
            keep=-self.keep,
            swap=-self.swap,
            limit=-self.limit,
            test=self.fails_by,
            lowest=-self.highest,
            highest=-self.lowest,
            upper=self.fail_upper,
            required=0,
        )

    @property
    def moving(self) -> Marks:
        """The units that change if the sides are exchanged."""
        return np.asarray((self.keep != self.swap) & (self.count > 0), dtype=bool)

    @property
    def score(self) -> ScoreTest:
        """The score test of this line; its kinds are the units that keep their side, then those that swap."""
        sums, sizes = np.concatenate([self.keep, self.swap]), np.concatenate([self.count, self.count])
        return ScoreTest(sums, sizes, self.limit, self.lowest, self.upper, self.tau)

    @property
    def cases(self) -> int:
        return int(self.count.sum())

    @property
    def differing(self) -> int:
        """The number of units that change if the sides are exchanged, such as cases with different answers."""
        return int(np.count_nonzero(self.moving))


@dataclass(slots=True)
class LineGroup:
    """The lines of one suite; its ``size`` units (cases or clusters) swap sides independently."""

    size: int
    lines: list[SimulatedLine] = field(default_factory=list)

    def only(self, rule: int) -> "LineGroup":
        """The group with the lines of one rule."""
        return LineGroup(self.size, [line for line in self.lines if line.rule == rule])


def runs_of(rule: Rule, trial: Trial) -> tuple[RunTable, RunTable] | None:
    """Both finished runs of the rule's suite, if they are comparable."""
    tables = [trial.table(rule.suite.name, target) for target in (trial.candidate, trial.baseline)]
    runs = [run for run in tables if run is not None and run.suite_digest == rule.suite.digest]
    if len(runs) < len(tables) or any(run.interrupted for run in runs) or differences(*runs):
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


def lines_of(
    number: int, rule: Rule, runs: tuple[RunTable, RunTable], *, alpha: float = ALPHA
) -> Iterator[SimulatedLine]:
    """The lines of a rule that is simulated, one for each slice, over the cases that are scored on both sides.

    ``alpha``: the level at which a failure stands.
    """
    measure, test = measure_of(rule.suite, rule.line.metric), rule.line.test
    if measure is None:
        raise ValueError(f"{rule.line.metric} is not measured by {rule.suite.name}")
    for scope in scopes_of(rule.suite, rule.line.scope):
        pairs = pair(measure, *runs, scope)
        if isinstance(test, Threshold):
            line = replace(_level(number, test, measure, pairs), fail_upper=1 - alpha / 2)
        elif isinstance(test, VersusBaseline):
            question = Question(test, measure, pairs, later=False, seed=0)
            line = replace(_compared(number, question), fail_upper=1 - alpha)
            if lacks_signal(measure, figures(measure, pairs, ""), runs[0], scope):
                yield replace(line, required=NEVER, fails_by=None)
                continue
        else:
            continue
        yield replace(line, required=rule.line.with_count or 0)


def size_of(run: RunTable) -> int:
    """The number of clusters of the run, or of cases if none is declared."""
    return len(run.case_ids) if run.clusters is None else int(run.clusters.max(initial=0)) + 1


def _compared(number: int, question: Question) -> SimulatedLine:
    """A comparison: candidate − baseline, or candidate − factor · baseline for a relative margin."""
    measure, pairs, factor, better = question.measure, question.pairs, question.factor, question.test.question
    most, new, old = largest_value(measure, pairs) if pairs.n else 1.0, pairs.candidate.values, pairs.baseline.values
    test: Test = "tango" if is_binary(measure, pairs) and not question.relative else "score"
    clustered = pairs.candidate.clusters is not None
    return SimulatedLine(
        number,
        *_sums(pairs, measure.sign * (new - factor * old), measure.sign * (old - factor * new)),
        limit=question.limit,
        test=test,
        lowest=-factor * most if measure.sign > 0 else -most,
        tested=question.test.margin is None and has_p(measure),
        margin=None if question.relative or better == "better" else margin_of(question.test, measure),
        highest=most if measure.sign > 0 else factor * most,
        enumerated=question.enumerated,
        tau=(question.tau or 0.0) if clustered else 0.0,
        fails_by=test,
    )


def _level(number: int, test: Threshold, measure: Measure, pairs: Pairs) -> SimulatedLine:
    """A floor or a ceiling on the candidate's level; a ceiling is turned into a floor."""
    turn = 1 if test.operator == ">=" else -1
    new, old = pairs.candidate.values, pairs.baseline.values
    most = largest_value(measure, pairs) if pairs.n else 1.0
    bound: Test = "wilson" if is_binary(measure, pairs) else "score"
    return SimulatedLine(
        number,
        *_sums(pairs, turn * new, turn * old),
        limit=turn * limit_of(test, measure),
        test=bound if test.sure else "estimate",
        lowest=0.0 if turn > 0 else -most,
        upper=TWO_SIDED,
        highest=most if turn > 0 else 0.0,
        fails_by=bound,
    )


def _sums(pairs: Pairs, keep: Floats, swap: Floats) -> tuple[Floats, Floats, Floats]:
    run = pairs.candidate.run
    units = pairs.candidate.cases if run.clusters is None else run.clusters[pairs.candidate.cases]
    columns = (
        np.bincount(units, weights=weights, minlength=size_of(run)) for weights in (keep, swap, np.ones(pairs.n))
    )
    first, second, third = (np.asarray(column, dtype=np.float64) for column in columns)
    return first, second, third


def assumed_groups(rules: Sequence[Rule], share: float, levels: Sequence[float], rng: Generator) -> Iterator[LineGroup]:
    """One group for each metric of a suite; its slices share the cases. ``levels``: that of each rule's failures."""
    groups: dict[tuple[str, str], tuple[LineGroup, Floats]] = {}
    for number, rule in enumerate(rules):
        test, cases = rule.line.test, rule.suite.cases
        measure = measure_of(rule.suite, rule.line.metric)
        if not isinstance(test, VersusBaseline) or measure is None or measure.kind not in KINDS:
            continue
        if not measure.in_points:
            continue
        name = rule.suite.name, measure.name
        if name not in groups:
            differs = rng.permutation(len(cases)) < round(share * len(cases))
            groups[name] = LineGroup(len(cases)), differs.astype(np.float64)
        group, differing = groups[name]
        limit = (1 if test.question == "better" else -1) * (test.margin or 0.0) / 100
        for scope in scopes_of(rule.suite, rule.line.scope):
            inside = cases_inside(rule.suite, scope, measure.scorer)
            gains = differing * inside
            line = SimulatedLine(
                number, gains, -gains, inside, limit, "tango", tested=test.margin is None, enumerated=limit != 0
            )
            group.lines.append(replace(line, fails_by="tango", fail_upper=1 - levels[number]))
    yield from (group for group, _ in groups.values())


def cases_inside(suite: Suite, scope: Scope | None, scorer: str | None) -> Floats:
    """For each case, 1 if the scorer measures it and it lies in the slice."""
    when = suite.when.get(scorer or "", {})
    return np.array(
        [
            float(applies(when, case) and (scope is None or scope.value in tag_values(case, scope.tag)))
            for case in suite.cases
        ]
    )
