"""Server-sent events on their way through: cut at event boundaries only, one kind held back, none rewritten.

Source: the WHATWG's server-sent events; a line ends with LF, CRLF or CR, an event with an empty line.
"""

from __future__ import annotations

import re

import msgspec

_BOUNDARY = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_DATA = re.compile(rb"^data:[ ]?(.*?)\r?$", re.MULTILINE)
DONE = b"[DONE]"


class _Chunk(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class EventCutter:
    """Takes bytes as they come and gives back whole events; with ``strip_usage`` without the usage-only chunk.

    ``done`` turns true with the events that hold ``[DONE]``. Bytes of an event that is not whole yet wait for its end,
    so that an error event can follow at any time.
    """

    __slots__ = ("_pending", "_strip", "done")

    def __init__(self, *, strip_usage: bool) -> None:
        self._strip = strip_usage
        self._pending = b""
        self.done = False

    @property
    def waiting(self) -> int:
        """Bytes of an event whose end has not come."""
        return len(self._pending)

    def feed(self, piece: bytes) -> tuple[bytes, bytes]:
        """Whole events: as they came (for the record), and as they go to the client."""
        data = self._pending + piece if self._pending else piece
        end = _last_boundary(data)
        whole, self._pending = (data, b"") if end == len(data) else (data[:end], data[end:])
        if not whole:
            return b"", b""
        if DONE in whole and any(event_data(event) == DONE for event in split_events(whole)):
            self.done = True
        if self._strip and _USAGE.search(whole):
            return whole, b"".join(event for event in split_events(whole) if not _is_usage_only(event))
        return whole, whole

    def rest(self) -> tuple[bytes, bytes]:
        """What is left at the end, an event without its empty line perhaps, like `feed`; empties it."""
        rest, self._pending = self._pending, b""
        return rest, b"" if self._strip and _is_usage_only(rest) else rest


def split_events(data: bytes) -> list[bytes]:
    """Each event with its boundary; joined they are the input again."""
    events, start = [], 0
    for boundary in _BOUNDARY.finditer(data):
        events.append(data[start : boundary.end()])
        start = boundary.end()
    if start < len(data):
        events.append(data[start:])
    return events


def event_data(event: bytes) -> bytes:
    """The event's data: its ``data:`` lines joined by LF; empty for comments."""
    if b"\r" in event:
        event = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return b"\n".join(_DATA.findall(event))


def _last_boundary(data: bytes) -> int:
    if data.endswith(b"\n\n"):
        return len(data)
    end = 0
    for boundary in _BOUNDARY.finditer(data):
        end = boundary.end()
    return end


def _is_usage_only(event: bytes) -> bool:
    if not _USAGE.search(event):
        return False
    try:
        return _CHUNK.decode(event_data(event)).choices == []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False  # not what we asked for: it is the client's
