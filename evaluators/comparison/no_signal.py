"""Tells whether a probe shows nothing: its figure is 0 for candidate and baseline alike, so nothing can be compared."""

from __future__ import annotations

from functools import partial

import numpy as np

from evaluators.criteria.metric_catalogue import Measure
from evaluators.results.run_table import Ints, Marks, RunTable
from evaluators.results.scope import Scope
from evaluators.suite import KIND_TAG, OWN
from fairtrial.domain.estimates import Comparison


def lacks_signal(measure: Measure, found: Comparison, run: RunTable, scope: Scope | None = None) -> bool:
    """Whether the measure belongs to a probe in this scope, and both figures are exactly 0."""
    return found.n > 0 and found.candidate == 0 and found.baseline == 0 and of_probe(measure, run, scope)


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
    kinds = np.array([*(text != OWN for text in tag.texts), False])
    found: Marks = kinds[tag.codes]  # the last element stands for −1
    return found
