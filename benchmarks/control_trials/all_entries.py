"""All entries, in the order of the printed table."""

from __future__ import annotations

from benchmarks.control_trials import (
    imports,
    labelled,
    people_and_traffic,
    safety,
    shapes,
    shipped,
    structured,
    texts,
)
from benchmarks.control_trials.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    *shipped.ENTRIES,
    *imports.ENTRIES,
    *labelled.ENTRIES,
    *texts.ENTRIES,
    *structured.ENTRIES,
    *shapes.ENTRIES,
    *safety.ENTRIES,
    *people_and_traffic.ENTRIES,
)
