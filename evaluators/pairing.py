"""The same cases on two sides: repeats averaged within a case, unscored cases dropped from the pair and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.gate_lines import Scope
from evaluators.measures import Measure
from evaluators.same_questions import clusters_of
from evaluators.suite import tag_values
from fairtrial.domain.run import Case, CaseResult, Run
from fairtrial.stats.paired.clustered import Floats

Results = tuple[CaseResult, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One run's cases in a scope: the mean value of each, and its results; ``unscored`` cases are not among them."""

    cases: tuple[Case, ...]
    values: Floats
    results: tuple[Results, ...]
    unscored: frozenset[str]

    @property
    def n(self) -> int:
        return len(self.cases)

    @property
    def clusters(self) -> list[str] | None:
        """Each case's cluster, cases with the same question being in one; ``None`` where no cluster has two cases."""
        return clusters_of(self.cases)

    @property
    def binary(self) -> bool:
        """Whether every value is 0 or 1."""
        return bool(np.all((self.values == 0) | (self.values == 1)))

    def chosen(self, ids: Sequence[str]) -> Side:
        """Only these cases, in this order."""
        at = {case.case_id: i for i, case in enumerate(self.cases)}
        rows = [at[one] for one in ids]
        return Side(
            tuple(self.cases[i] for i in rows), self.values[rows], tuple(self.results[i] for i in rows), self.unscored
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Cases that are scored on both sides, in the same order; ``unscored``: how many are not, on either side."""

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


def side_of(measure: Measure, run: Run, scope: Scope | None = None) -> Side:
    """The run's cases that this measure has a value for."""
    cases, values, results, unscored = [], [], [], set()
    for found in by_case(run.results, scope).values():
        scored = [value for one in found if (value := measure.value(one)) is not None]
        if scored:
            cases.append(found[0].case)
            values.append(float(np.mean(scored)))
            results.append(found)
        elif any(measure.unscored(one) for one in found):
            unscored.add(found[0].case.case_id)
    return Side(tuple(cases), np.array(values, dtype=np.float64), tuple(results), frozenset(unscored))


def pair(measure: Measure, candidate: Run, baseline: Run, scope: Scope | None = None) -> Pairs:
    """Both runs' cases by case id."""
    new, old = side_of(measure, candidate, scope), side_of(measure, baseline, scope)
    known = {case.case_id for case in old.cases}
    shared = [case.case_id for case in new.cases if case.case_id in known]
    return Pairs(new.chosen(shared), old.chosen(shared), len(new.unscored | old.unscored))


def by_case(results: Iterable[CaseResult], scope: Scope | None = None) -> dict[str, Results]:
    """The repeats of each case of the scope, in the order of the run."""
    found: dict[str, list[CaseResult]] = {}
    for result in results:
        if in_scope(result.case, scope):
            found.setdefault(result.case.case_id, []).append(result)
    return {case: tuple(repeats) for case, repeats in found.items()}


def in_scope(case: Case, scope: Scope | None) -> bool:
    return scope is None or scope.value in tag_values(case, scope.tag)


def slices_of(run: Run, tags: Iterable[str]) -> list[Scope]:
    """Every slice of these tags that has a case, tags in the order given, values in theirs."""
    seen: Mapping[str, set[str]] = {tag: set() for tag in tags}
    for result in run.results:
        for tag, values in seen.items():
            values.update(tag_values(result.case, tag))
    return [Scope(tag, value) for tag, values in seen.items() for value in sorted(values)]
