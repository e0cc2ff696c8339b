"""Writes the journal: whole lines in one `os.write` for each append. It counts disk errors instead of raising them."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from fairtrial.domain.events import Event
from fairtrial.journal.counts import ArmKey, AssignmentCounts, LossCounter
from fairtrial.journal.segment import GROUP_SECONDS, SEGMENT_VERSION, WAITED_SECONDS, GroupSync, Segment

ROTATE_BYTES = 64 * 2**20
"""A segment of this size is closed and a new one begun, so that ingested ones can be compressed."""

OLD_SECONDS = 24 * 3600.0
"""So is one of this age, even if nothing is written, because its texts may be kept no longer than others."""

REOPEN_SECONDS = 0.5
"""The delay after a failure to open a segment, because a full disk must not slow the traffic down."""


class JournalWriter:
    """Appends events to its own segments. It can be shared between threads.

    ``folder`` must exist; ``writer`` names the writer and becomes part of the file's name. With ``sync`` each append
    waits for the disk. Without, a group commit follows within milliseconds: a killed process loses nothing, a power
    failure at most that group. ``version`` is that of its segments, for readers of earlier releases. ``lost`` counts
    events that could not be written, and ``last_error`` says why the last one was not. ``able``: whether the last
    attempt to open a segment succeeded. ``counts_assigned``: whether requests are also counted by arm, so that a loss
    of their records shows.
    """

    def __init__(
        self,
        folder: Path,
        *,
        writer: str,
        sync: bool = False,
        version: int = SEGMENT_VERSION,
        counts_assigned: bool = False,
    ) -> None:
        self.lost = 0
        self.able = False
        self.last_error: str | None = None
        self._folder = folder
        self._writer = writer
        self._version = version
        self._wait = sync
        self._encoder = msgspec.json.Encoder()
        self._line = bytearray()
        """A line before it is written. Its memory is used again, because large memory is expensive to get."""
        self._lock = threading.Lock()
        self._group = GroupSync(self._close_old, seconds=WAITED_SECONDS if sync else GROUP_SECONDS)
        self._losses = LossCounter(folder, writer)
        self._assigned = AssignmentCounts(folder, writer) if counts_assigned else None
        self._segment: Segment | None = None
        self._retry_at = 0.0
        self._closed = False
        self._together: list[tuple[Event, Callable[[], None]]] = []
        with self._lock:
            self._open()

    @property
    def sync_failures(self) -> int:
        """How often the disk refused to sync."""
        return self._group.failed

    @property
    def appended(self) -> int:
        """How many groups of events were appended, written or not."""
        return self._group.marked

    def look(self) -> bool:
        """Check whether the folder is writable again; called now and then, also while nothing is written.

        False if a segment was removed while it was in use. It is unknown how many unread events it held.
        """
        with self._lock:
            if self._closed:
                return True
            removed = self._segment is not None and self._segment.removed
            if removed:
                self.last_error = "a segment was removed while it was in use"
                self._retire()
            if self._segment is None:
                self._retry_at = 0.0
                _make_again(self._folder)
            self._open()
            if not self._losses.open:
                self._losses = LossCounter(self._folder, self._writer)
            self._losses.note(self.lost, self._group.failed)
        if self._assigned is not None:
            self._assigned.note()
        return not removed

    def append(self, *events: Event) -> bool:
        """Write these events, all in one call; False if any could not be written (``lost`` counts them)."""
        with self._lock:
            whole, unwritable = self._encode(events)
            self.lost += unwritable
            if unwritable:
                self.last_error = "an event could not be encoded"
            if self._closed:
                self.lost += whole.count(b"\n")
                return False
            left = self._write(whole)
            if left:
                left = self._write_again(left)
                self.lost += left.count(b"\n")
            losses = self.lost, self._group.failed
            if losses != self._losses.noted:
                self._losses.note(*losses)
            if self._assigned is not None:
                self._assigned.count(events)
            ticket = self._group.mark(self._segment)
        if self._wait and not left:
            self._group.wait(ticket)
        return not left and not unwritable

    def lose(self, arm: tuple[ArmKey, int] | None) -> None:
        """Count a request whose event could not be made. ``arm``: the arm and cell for which it counts, if any."""
        with self._lock:
            self.lost += 1
            self.last_error = "an event could not be made"
            if self._assigned is not None and not self._closed:
                self._assigned.count_one(arm)

    def append_together(self, event: Event, written: Callable[[], None]) -> None:
        """Write the event with others of this turn of the event loop, in one call; then call ``written``.

        All callers of this and of `flush` must be on one event loop.
        """
        if not self._together:
            asyncio.get_running_loop().call_soon(self.flush)
        self._together.append((event, written))

    def flush(self) -> None:
        """Write what `append_together` has collected."""
        together, self._together = self._together, []
        if not together:
            return
        try:
            self.append(*[event for event, _ in together])
        finally:
            for _, written in together:
                written()

    def close(self) -> None:
        """Sync and close. The segment may then be sealed. Later appends are lost and counted."""
        self.flush()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._retire()
        self._group.close()
        self._losses.note(self.lost, self._group.failed)
        self._losses.close()
        if self._assigned is not None:
            self._assigned.close()

    def _encode(self, events: Sequence[Event]) -> tuple[bytes | bytearray, int]:
        """The events' lines, and how many events have none. A newline occurs only at the end of a line."""
        try:
            if len(events) == 1:
                self._encoder.encode_into(events[0], self._line)
                self._line += b"\n"
                return self._line, 0
            return self._encoder.encode_lines([*events]), 0  # msgspec 0.22 leaks an iterator for any other sequence
        except (TypeError, ValueError, msgspec.MsgspecError):
            return self._encode_each(events)

    def _encode_each(self, events: Sequence[Event]) -> tuple[bytes, int]:
        lines: list[bytes] = []
        for event in events:
            try:
                lines.append(self._encoded(event) + b"\n")
            except (TypeError, ValueError, msgspec.MsgspecError):
                continue
        return b"".join(lines), len(events) - len(lines)

    def _encoded(self, event: Event) -> bytes:
        try:
            return self._encoder.encode(event)
        except UnicodeEncodeError:
            return self._encoder.encode(replace_surrogates(event))

    def _write(self, whole: bytes | bytearray) -> bytes | bytearray:
        """Write these lines; returns those that were not written whole. A torn last line ends the segment."""
        segment = self._segment or self._open()
        if segment is None:
            return whole
        try:
            written = segment.append(whole)
        except OSError as error:
            self.last_error = error.strerror
            written = 0
        if written == len(whole):
            if segment.size >= ROTATE_BYTES or segment.age >= OLD_SECONDS:
                self._retire()
            return b""
        self._retire()
        return whole[whole.rfind(b"\n", 0, written) + 1 :]

    def _write_again(self, lines: bytes | bytearray) -> bytes | bytearray:
        """Try once more in a new segment."""
        return self._write(lines) if self._open() is not None else lines

    def _open(self) -> Segment | None:
        if self._segment is None and time.monotonic() >= self._retry_at:
            source = "" if self._assigned is None else self._assigned.source
            try:
                self._segment = Segment.create(self._folder, self._writer, self._version, source)
                self.able = True
            except OSError as error:
                self.able, self.last_error = False, error.strerror or str(error)
                self._retry_at = time.monotonic() + REOPEN_SECONDS
        return self._segment

    def _close_old(self) -> None:
        """Retire an old segment while nothing is written, unless it holds no event; called in a separate thread."""
        with self._lock:
            if self._segment is not None and self._segment.has_events and self._segment.age >= OLD_SECONDS:
                self._retire()

    def _retire(self) -> None:
        if self._segment is not None:
            self._group.retire(self._segment)
            self._segment = None


def _make_again(folder: Path) -> None:
    """Create a deleted folder again, so that the next segment has a place."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def replace_surrogates(event: Event) -> Event:
    """The same event with a question mark for each lone surrogate: better a mark than a lost event."""
    mended: Event = _mended(event)
    return mended


def _mended(value: Any) -> Any:
    if isinstance(value, Struct):
        return replace(value, **{field.name: _mended(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return {_mended(key): _mended(item) for key, item in value.items()} if isinstance(value, dict) else value
