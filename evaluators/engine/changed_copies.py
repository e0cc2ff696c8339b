"""Holds the results of changed copies until the result of their original exists, and then scores both together."""

from __future__ import annotations

from evaluators.engine.scoring import score_copy
from evaluators.probes.probe import ORIGINAL
from evaluators.suite import Suite
from fairtrial.domain.run import CaseResult

Place = tuple[str, int]
"""A case's id and the repeat; a copy is compared with the same repeat of its original."""


class ChangedCopies:
    """The changed copies of one run, in any order of arrival."""

    def __init__(self, suite: Suite) -> None:
        known = {case.case_id for case in suite.cases}
        self._suite = suite
        self._originals = {original for case in suite.cases if (original := case.fields.get(ORIGINAL)) in known}
        self._done: dict[Place, CaseResult] = {}
        self._waiting: dict[Place, list[tuple[int, CaseResult]]] = {}

    def add(self, index: int, result: CaseResult) -> list[tuple[int, CaseResult]]:
        """Add a result with its index in the run; returns all results that are complete now."""
        original = result.case.fields.get(ORIGINAL)
        if original in self._originals:
            place = (str(original), result.repeat)
            if place not in self._done:
                self._waiting.setdefault(place, []).append((index, result))
                return []
            return [(index, score_copy(self._suite, result, self._done[place]))]
        if result.case.case_id not in self._originals:
            return [(index, result)]
        place = (result.case.case_id, result.repeat)
        self._done[place] = result
        copies = self._waiting.pop(place, [])
        return [(index, result), *((at, score_copy(self._suite, copy, result)) for at, copy in copies)]
