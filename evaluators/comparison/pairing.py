"""Checks whether two runs are comparable, and pairs their cases, averaging repeats within a case."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from evaluators.criteria.metric_catalogue import Measure, is_signal
from evaluators.results.run_table import Floats, Ints, Marks, RunTable, Scope, table_of
from evaluators.suite import KIND_TAG, OWN
from fairtrial.domain.answers.signals import NO_SCORERS, SIGNALS
from fairtrial.domain.estimates import Comparison
from fairtrial.domain.events import RunEvent
from fairtrial.domain.run import Run, RunHead


@dataclass(frozen=True, slots=True)
class Side:
    """One run's cases in a scope, with the mean value of each.

    ``cases`` and ``unscored`` are indices into the run's cases and do not overlap.
    """

    run: RunTable
    cases: Ints
    values: Floats
    unscored: Ints

    @property
    def n(self) -> int:
        return len(self.cases)

    @property
    def clusters(self) -> Ints | None:
        """Each case's cluster, numbered in the order of their names; ``None`` if no cluster has two cases."""
        if self.run.clusters is None:
            return None
        of_cases = self.run.clusters[self.cases]
        return of_cases if len(of_cases) and np.bincount(of_cases).max() > 1 else None

    @property
    def binary(self) -> bool:
        """Whether every value is 0 or 1."""
        return bool(np.all((self.values == 0) | (self.values == 1)))

    def select(self, rows: Ints | Marks) -> "Side":
        """Only these of its cases, in this order."""
        return Side(self.run, self.cases[rows], self.values[rows], self.unscored)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Cases that are scored on both sides, in the same order; ``unscored`` counts the others."""

    candidate: Side
    baseline: Side
    unscored: int

    @property
    def n(self) -> int:
        return self.candidate.n

    @property
    def differences(self) -> Floats:
        return self.candidate.values - self.baseline.values

    @property
    def binary(self) -> bool:
        return self.candidate.binary and self.baseline.binary


def side_of(measure: Measure, run: RunTable, scope: Scope | None = None) -> Side:
    """The run's cases that this measure has a value for."""
    values = run.mean_of_case(measure.values(run))
    scored = ~np.isnan(values)
    open_ = run.any_of_case(measure.unscored(run)) & ~scored
    inside = run.in_scope(scope)
    if inside is not None:
        scored, open_ = scored & inside, open_ & inside
    cases = np.flatnonzero(scored)
    return Side(run, cases, values[cases], np.flatnonzero(open_))


def pair(measure: Measure, candidate: Run | RunTable, baseline: Run | RunTable, scope: Scope | None = None) -> Pairs:
    """Both runs' cases by case id; none for a signal that different versions of its detector measured."""
    table, baseline_table = table_of(candidate), table_of(baseline)
    new, old = side_of(measure, table, scope), side_of(measure, baseline_table, scope)
    if is_signal(measure) and detectors_differ(table, baseline_table):
        nothing = np.zeros(0, dtype=np.intp)
        return Pairs(new.select(nothing), old.select(nothing), 0)
    match = counterparts(table, baseline_table)
    place = np.full(len(baseline_table.case_ids) + 1, -1, dtype=np.intp)  # the last element stands for "no counterpart"
    place[old.cases] = np.arange(old.n)
    rows = place[match[new.cases]]
    shared = rows >= 0
    either = np.zeros(len(baseline_table.case_ids) + 1, dtype=bool)
    either[old.unscored] = True
    again = int(np.count_nonzero(either[match[new.unscored]]))
    unscored = len(new.unscored) + len(old.unscored) - again
    return Pairs(new.select(shared), old.select(rows[shared]), unscored)


def detectors_differ(candidate: RunTable, baseline: RunTable) -> bool:
    """Whether the signals of two runs come from different versions of the detectors, or only one run has any."""
    return candidate.versions.get(SIGNALS) != baseline.versions.get(SIGNALS)


def counterparts(run: RunTable, counterpart: RunTable) -> Ints:
    """For each case of the run, the index of the same case in the other run, or −1; computed once."""
    return run.memoize(("counterparts", counterpart), partial(_counterparts, run, counterpart))


def _counterparts(run: RunTable, counterpart: RunTable) -> Ints:
    if run.case_ids == counterpart.case_ids:
        return np.arange(len(run.case_ids), dtype=np.intp)
    places = {case_id: at for at, case_id in enumerate(counterpart.case_ids)}
    return np.array([places.get(case_id, -1) for case_id in run.case_ids], dtype=np.intp)


def slices_of(run: Run | RunTable, tags: Iterable[str]) -> list[Scope]:
    """Every slice of these tags that has a case: tags in the given order, values in sorted order."""
    table = table_of(run)
    return [Scope(tag, value) for tag in dict.fromkeys(tags) for value in table.slices(tag)]


def lacks_signal(measure: Measure, comparison: Comparison, run: RunTable, scope: Scope | None = None) -> bool:
    """Whether the measure belongs to a probe in this scope, and both figures are exactly 0."""
    return comparison.n > 0 and comparison.candidate == 0 and comparison.baseline == 0 and of_probe(measure, run, scope)


def of_probe(measure: Measure, run: RunTable, scope: Scope | None = None) -> bool:
    """Whether all cases of the scope that the measure's scorer measures are cases of probes."""
    if measure.scorer is None:
        return False
    cases = run.case_of[run.state(measure.scorer) != 0]
    inside = run.in_scope(scope)
    return made_by_probes(run, cases if inside is None else cases[inside[cases]])


def made_by_probes(run: RunTable, cases: Ints) -> bool:
    """Whether probes made all of these cases; false without a case."""
    if KIND_TAG not in run.tags or not len(cases):
        return False
    return bool(run.memoize("cases of probes", partial(_made, run))[cases].all())


def _made(run: RunTable) -> Marks:
    """For each case, whether a probe made it."""
    tag = run.tags[KIND_TAG]
    marks: Marks = np.array([*(text != OWN for text in tag.texts), False])[tag.codes]  # the last element stands for −1
    return marks


def differences(candidate: RunHead | RunEvent, baseline: RunHead | RunEvent) -> list[str]:
    """Every difference that makes a comparison unsound, as parts of a sentence; empty if the runs are comparable.

    The suite's digest covers cases, prompts, parameters, scorers and their options. Scorer versions are compared
    separately, so that the message can name the scorer. Neither the detectors of signals nor the negative controls are
    scorers: only the comparison of signals needs equal versions.
    """
    parts = []
    if candidate.suite != baseline.suite:
        parts.append(f"the suites are {candidate.suite} and {baseline.suite}")
    if candidate.suite_digest != baseline.suite_digest:
        parts.append(
            "the suite's content (cases, prompt, params or scorers) has the digest "
            f"{candidate.suite_digest[:8]} in one run and {baseline.suite_digest[:8]} in the other"
        )
    if candidate.seed != baseline.seed:
        parts.append(f"the seeds are {candidate.seed} and {baseline.seed}")
    if candidate.repeat != baseline.repeat:
        parts.append(f"each case was asked {candidate.repeat} and {baseline.repeat} times")
    for scorer in sorted((set(candidate.versions) | set(baseline.versions)) - NO_SCORERS):
        new, old = candidate.versions.get(scorer), baseline.versions.get(scorer)
        if new != old:
            parts.append(f"scorer {scorer} is {new or 'absent'!r} and {old or 'absent'!r}")
    return parts
