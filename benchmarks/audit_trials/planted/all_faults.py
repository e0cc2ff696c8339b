"""Lists the faults that are planted."""

from __future__ import annotations

from benchmarks.audit_trials.planted import answers, people, repeats, structure, text
from benchmarks.audit_trials.planted.planting import Fault

FAULTS: tuple[Fault, ...] = (*text.FAULTS, *answers.FAULTS, *people.FAULTS, *repeats.FAULTS, *structure.FAULTS)
