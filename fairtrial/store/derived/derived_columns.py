"""Computes what depends on rows of several segments: subjects of feedback, sums of units, and what version 1 left open.

This happens after a pass of the ingester, because the rows may arrive in any order. Feedback that names a response id
or a unit needs a scan of all requests, so the background pass waits ten times as long as the last scan took.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fairtrial.domain.events import Event, FeedbackEvent, RequestEvent
from fairtrial.journal.events_v1 import AttemptEventV1, EventV1, RequestEventV1
from fairtrial.store.core.database import Database
from fairtrial.store.derived import placements, unit_sums
from fairtrial.store.derived.attribution import attribute, unattributed_since_us
from fairtrial.store.derived.earlier_exposures import are_waiting, move_exposures
from fairtrial.store.derived.outcomes import fill_outcomes
from fairtrial.store.derived.unit_sums import Folded

LATEST_FEEDBACK = "SELECT epoch_us(max(at_time)) FROM feedback"
REST = 10
"""The wait before the next computation, as a multiple of the time the last one took."""
LEAST_REST = 1.0
"""Seconds of the shortest wait, so that light traffic does not cause a computation for every line."""
FOLD_SECONDS = 2.0
"""How often requests are added to the sums of units, unless some failed: a transaction costs more than its rows.

Experiments are looked at as often.
"""
FAILED = frozenset({"failed", "rejected", "kept_away"})


class DerivedColumns:
    """The work that is due. At the start it includes what an earlier program left.

    Times of events are microseconds, UTC. ``monotonic`` returns seconds, because a wall clock that is set back would
    delay the work.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self._since_us: int | None = unattributed_since_us(database)
        self._exposed_since_us: int | None = 0
        self._without_outcome = True
        self._unsummarised = placements.SMALLEST
        self._unfolded, self._failed = True, False
        self._due = self._fold_due = -math.inf
        self._new_feedback = True
        self._latest_feedback_us = database.value(LATEST_FEEDBACK) or 0

    def note(self, event: Event) -> None:
        """Register an event that is being ingested and is not a request."""
        if isinstance(event, FeedbackEvent):
            self._new_feedback = True
            self._latest_feedback_us = max(self._latest_feedback_us, event.at_us)
            self._note_since(event.at_us)

    def note_requests(self, count: int, earliest_us: int, *, failed: bool) -> None:
        """Register requests that are being ingested. They change only feedback that came before them.

        ``failed``: one of them may be a failure, so that the next `fold_requests` must not wait.
        """
        self._unfolded, self._failed = True, self._failed or failed
        self._unsummarised += count
        if self._unsummarised >= placements.SMALLEST or earliest_us <= self._latest_feedback_us:
            self._note_since(earliest_us)

    def note_earlier(self, event: EventV1) -> None:
        """Register an event of version 1. Its request may lack its outcome or its exposure."""
        if isinstance(event, AttemptEventV1):
            return
        if isinstance(event, RequestEventV1):
            self._without_outcome = self._without_outcome or event.arm_outcome is None
            self._unsummarised += 1
            self._unfolded = self._failed = True
        self._note_since(event.at_us)
        since_us = self._exposed_since_us
        self._exposed_since_us = event.at_us if since_us is None else min(since_us, event.at_us)

    def is_due(self) -> bool:
        """Whether the background pass would compute anything now."""
        now = self._monotonic()
        return (self._since_us is not None and now >= self._due) or (self._unfolded and now >= self._fold_due)

    def fold_requests(self, *, paced: bool) -> Folded:
        """Add new requests to the sums of their units; if ``paced``, every two seconds unless one failed.

        The requests are in the store already, so a kill meanwhile loses nothing. Raises `duckdb.Error`.
        """
        begun = self._monotonic()
        if not self._unfolded or (paced and begun < self._fold_due and not self._failed):
            return Folded()
        folded = unit_sums.fold(self._database)
        self._unfolded = self._failed = False
        self._fold_due = begun + FOLD_SECONDS
        return folded

    def compute(self, *, paced: bool) -> None:
        """Compute what is due, or everything if not ``paced``. Failed work is tried again; raises `duckdb.Error`."""
        begun = self._monotonic()
        if self._since_us is None or (paced and begun < self._due):
            return
        if self._without_outcome:
            fill_outcomes(self._database)
            self._without_outcome = False
        self._move_exposures()
        if self._new_feedback or self._latest_feedback_us >= self._since_us:  # otherwise nothing can have changed
            attribute(self._database, since_us=self._since_us)
        self._new_feedback = False
        if self._unsummarised >= placements.SMALLEST:
            placements.update_summary(self._database)
            self._unsummarised = 0
        self._since_us = None
        ended = self._monotonic()
        self._due = ended + max(REST * (ended - begun), LEAST_REST)

    def _move_exposures(self) -> None:
        """Move exposures to requests that came later; feedback and the summary are then due for these requests."""
        if self._exposed_since_us is not None and are_waiting(self._database):
            for earliest_us in move_exposures(self._database, since_us=self._exposed_since_us):
                self._note_since(earliest_us)
                self._unsummarised = placements.SMALLEST
        self._exposed_since_us = None

    def _note_since(self, at_us: int) -> None:
        self._since_us = at_us if self._since_us is None else min(self._since_us, at_us)


def may_have_failed(request: RequestEvent) -> bool:
    """Whether a guardrail may count the request as bad; several attempts mean that one of them failed."""
    return request.arm_outcome in FAILED or request.user_outcome == "failed" or len(request.attempts) > 1
