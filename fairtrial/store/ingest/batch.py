"""Groups the lines of a batch by kind, checks each one, and tells `DerivedColumns` what becomes due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import Event, RequestEvent
from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.journal.counts import arm_cell
from fairtrial.journal.reader import Chunk, EventV1, NewerEvent, decode
from fairtrial.store.derived.derived_columns import DerivedColumns, may_have_failed
from fairtrial.store.ingest.earlier_requests import EarlierLines
from fairtrial.store.ingest.record_counts import SourceArm

WHY_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is not inserted: its position, reason and size, but not its text, which may contain a body."""

    segment: str
    position: int
    why: str
    size: int


@dataclass(frozen=True, slots=True)
class Newer:
    """The position and kind of the first event of a newer version."""

    position: int
    why: str


class Batch:
    """The lines of one transaction. ``rows`` is the number of events, each of which was one line.

    ``sources``: the file that counts what the writer of a segment assigned, by segment. ``arms``: the cell of each
    request of such a writer, by file and arm.
    """

    def __init__(self, derived: DerivedColumns, sources: Mapping[str, str]) -> None:
        self.rows = 0
        self.rejects: list[Reject] = []
        self.arms: dict[SourceArm, list[int]] = {}
        self._sources = sources
        self._derived = derived
        self.requests: list[RequestEvent] = []
        self._others: dict[str, list[bytes]] = {}
        self._earlier = EarlierLines()

    def add(self, segment: str, chunk: Chunk) -> Newer | None:
        """Add a chunk's lines, up to the first event of a newer version. The header is neither event nor reject."""
        position, requests, earliest_us, newer = chunk.start, len(self.requests), None, None
        failed, source = False, self._sources.get(segment, "")
        for line in lines_of(chunk.lines):
            if position and not line.isspace():  # an erasure leaves blank lines
                try:
                    event = _decoded(line)
                except NewerEvent as error:
                    newer = Newer(position, str(error))
                    break
                except JournalError as error:
                    self.rejects.append(Reject(segment, position, str(error)[:WHY_LETTERS], len(line)))
                else:
                    if type(event) is RequestEvent:
                        self.requests.append(event)
                        failed = failed or may_have_failed(event)
                        if source:
                            self._count(source, event)
                        if earliest_us is None or event.at_us < earliest_us:
                            earliest_us = event.at_us
                    elif isinstance(event, EventV1):
                        self._earlier.add(event)
                        self._derived.note_earlier(event)
                    else:
                        self._others.setdefault(event.kind, []).append(line)
                        self._derived.note(event)
                    self.rows += 1
            position += len(line)
        if earliest_us is not None:
            self._derived.note_requests(len(self.requests) - requests, earliest_us, failed=failed)
        return newer

    def _count(self, source: str, event: RequestEvent) -> None:
        found = arm_cell(event.experiment, event.variant_assigned, event.reason, event.exposure)
        if found is not None:
            self.arms.setdefault((source, *found[0]), []).append(found[1])

    def lines(self) -> Mapping[str, Sequence[bytes]]:
        """The lines to insert, by kind, except the requests of today."""
        return self._earlier.joined() | self._others


def lines_of(lines: bytes) -> list[bytes]:
    """Whole lines with their newlines. `bytes.splitlines` is several times slower, and would split at ``\\r`` too."""
    return [line + b"\n" for line in lines.split(b"\n")[:-1]]


def _decoded(line: bytes) -> Event | EventV1:
    """The event of a line; `JournalError` also for a time that is not a date."""
    event = decode(line)
    if not 0 <= event.at_us < END_OF_TIME_US:
        raise JournalError(f"{event.kind}: the time {event.at_us} is out of range")
    return event
