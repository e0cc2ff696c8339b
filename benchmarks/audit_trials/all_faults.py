"""Lists the planted faults, and measures an audit on the development set."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.audit_trials import (
    faults_of_answers,
    faults_of_people,
    faults_of_rows,
    faults_of_structure,
    faults_of_text,
)
from benchmarks.audit_trials.development import Source
from benchmarks.audit_trials.found import Figures, run_source
from benchmarks.audit_trials.planting import Fault

FAULTS: tuple[Fault, ...] = (
    *faults_of_text.FAULTS,
    *faults_of_answers.FAULTS,
    *faults_of_people.FAULTS,
    *faults_of_rows.FAULTS,
    *faults_of_structure.FAULTS,
)


def measure(sources: Sequence[Source], faults: Sequence[Fault] = FAULTS, *, seed: int = 0) -> list[Figures]:
    """What is found in each file of each source."""
    figures: list[Figures] = []
    for source in sources:
        print(f"planting into {source.name}", file=sys.stderr, flush=True)
        figures += run_source(source, faults, seed=seed)
    return figures
