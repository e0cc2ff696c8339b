"""Writes runs and the texts of their suites to the journal, for the store to ingest."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from evaluators.engine.run_events import events_of
from evaluators.loading.suite_text import digest_of, suite_event, text_of
from evaluators.suite import Suite
from fairtrial.api.operation import Nothing
from fairtrial.api.store import ingest
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import Event
from fairtrial.domain.run import Run
from fairtrial.journal.segment import FIRST_VERSION, SEGMENT_VERSION
from fairtrial.journal.writer import JournalWriter

if TYPE_CHECKING:
    from fairtrial_cli.store_client.client import StoreClient

EVENTS_AT_ONCE = 500


def write_run(layout: Layout, run: Run) -> None:
    """Write the events of a run to a new segment; raises `JournalError`."""
    _write(layout, events_of(run), f"the run of {run.suite!r} on {run.target!r}", version=FIRST_VERSION)


def write_texts(layout: Layout, suites: Sequence[Suite]) -> None:
    """Write the texts of these suites to a new segment; raises `JournalError`."""
    now_us = time.time_ns() // 1000
    events = (suite_event(suite, now_us) for suite in suites)
    _write(layout, events, f"the text of {', '.join(suite.name for suite in suites)}", version=SEGMENT_VERSION)


def write_new_texts(layout: Layout, suites: Sequence[Suite], is_known: Callable[[str, str], bool]) -> bool:
    """Write the texts that are not stored yet, and return whether there were any; raises `JournalError`.

    ``is_known(suite_digest, text_digest)``. A text is new if its gate lines changed since the last run, or if the runs
    come from an earlier version.
    """
    new = [suite for suite in suites if not is_known(suite.digest, digest_of(text_of(suite)))]
    if new:
        write_texts(layout, new)
    return bool(new)


def _write(layout: Layout, events: Iterable[Event], what: str, *, version: int) -> None:
    layout.make()
    writer = JournalWriter(layout.journal, writer="eval", sync=True, version=version)
    left = iter(events)
    try:
        while batch := list(itertools.islice(left, EVENTS_AT_ONCE)):
            if not writer.append(*batch):
                raise JournalError(f"{layout.journal}: {what} can't be written")
    finally:
        writer.close()


def store_run(store: StoreClient, run: Run, suite: Suite) -> None:
    """Write the suite's text and the run to the journal, and ingest them; raises `JournalError`."""
    write_texts(store.layout, [suite])
    write_run(store.layout, run)
    store.call(ingest, Nothing())
