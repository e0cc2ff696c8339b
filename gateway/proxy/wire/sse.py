"""Splits streams of server-sent events at event boundaries. It may drop the usage-only chunk, but rewrites no event."""

import re
from typing import Any

import msgspec

from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.wire import json_bodies

_BOUNDARY = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_DATA = re.compile(rb"^data:[ ]?(.*?)\r?$", re.MULTILINE)
_BOM = b"\xef\xbb\xbf"
DONE = b"[DONE]"
TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
"""Types of the events that end a stream of the Responses API, which has no ``[DONE]``."""

_ERROR = b'"error"'
_MARKS = (DONE, _ERROR)
_RESPONSE_MARKS = (b'"response.completed"', b'"response.incomplete"', b'"response.failed"', _ERROR)


class _Chunk(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None


class _Head(msgspec.Struct):
    type: Any = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)
_HEAD = msgspec.json.Decoder(_Head)
_decode = msgspec.json.Decoder(msgspec.Raw).decode
_NAMED = re.compile(rb"(?:\A|[\r\n])event:")
_END = b"\n\n"
_CR, _LF = b"\r\n"
_BETWEEN = _END + b"data: "


class EventSplitter:
    """Takes bytes as they come and returns whole events; with ``strip_usage`` without the usage-only chunk.

    ``done`` becomes true with the event that ends the stream: ``[DONE]``, an error, or the last event of the Responses
    API. Bytes of an incomplete event wait for its end, so that a comment or an error event can follow at any time. With
    ``checked``, ``broken`` becomes true with an event that no client can read; that event and all behind it are held
    back.

    Source: the WHATWG's server-sent events. A line ends with LF, CRLF or CR, and an event with an empty line.
    """

    __slots__ = ("_checked", "_dropped", "_marks", "_pending", "_strip", "_torn", "broken", "done")

    def __init__(self, *, strip_usage: bool, responses: bool = False, checked: bool = False) -> None:
        self._strip, self._checked = strip_usage, checked
        self._marks = _RESPONSE_MARKS if responses else _MARKS
        self._pending = bytearray()
        self._torn = False
        self._dropped = False
        self.done = self.broken = False

    @property
    def waiting(self) -> int:
        """Bytes of an incomplete event."""
        return len(self._pending)

    def passes(self, piece: bytes) -> bool:
        """Whether a piece can be sent on as it came: whole events, none of which ends the stream or is held back."""
        if self._pending or self._torn or (self._strip and piece.find(b'"usage"') >= 0):
            return False
        if self._checked:  # then `[DONE]` can only be a part of a text
            return piece.find(_ERROR) < 0 and has_only_chunks(piece)
        for mark in self._marks:
            if piece.find(mark) >= 0:
                return False
        return piece.endswith(_END)

    def feed(self, piece: bytes) -> tuple[bytes, bytes]:
        """Whole events: as they came (for the record), and as the client gets them."""
        if self._torn and piece:
            return self._mend(piece)
        pending = self._pending
        if not pending:
            end = len(piece) if piece.endswith(b"\n\n") else _last_boundary(piece, 0)
            if end == len(piece):
                return self._sort(piece)
            pending += piece[end:]
            return self._sort(piece[:end]) if end else (b"", b"")
        start = max(0, len(pending) - 1)
        pending += piece
        end = _last_boundary(pending, start)
        if not end:
            return b"", b""
        whole = bytes(pending[:end])
        del pending[:end]
        return self._sort(whole)

    def rest(self) -> tuple[bytes, bytes]:
        """The remaining bytes at the end, in the form of `feed`: perhaps an event without its empty line."""
        rest = bytes(self._pending)
        self._pending.clear()
        if self._checked and not self.done:
            rest = self._readable(rest)
        return rest, b"" if self._strip and _is_usage_only(rest) else rest

    def _mend(self, piece: bytes) -> tuple[bytes, bytes]:
        """Continue after a split behind a CR: a leading LF is the other half of that line end."""
        self._torn = False
        if not piece.startswith(b"\n"):
            return self.feed(piece)
        dropped = self._dropped
        whole, out = self.feed(piece[1:])
        return b"\n" + whole, out if dropped else b"\n" + out

    def _sort(self, whole: bytes) -> tuple[bytes, bytes]:
        self._torn, self._dropped = whole.endswith(b"\r") and not self._pending, False
        if self._checked and not self.done:
            whole = self._readable(whole)  # first, because an end in the same piece does not prove the events before it
        for mark in self._marks:
            if whole.find(mark) >= 0 and not self.done:
                self.done = any(_ends(event_data(event)) for event in split_events(whole))
        if not self._strip or b'"usage"' not in whole or not _USAGE.search(whole):
            return whole, whole
        events = split_events(whole)
        content = [event for event in events if not _is_usage_only(event)]
        self._dropped = not content or content[-1] is not events[-1]
        return whole, b"".join(content)

    def _readable(self, whole: bytes) -> bytes:
        """The events before the first unreadable one. Events after the stream's end are not checked."""
        if self.broken or has_only_chunks(whole):
            return b"" if self.broken else whole
        events = split_events(whole)
        for place, event in enumerate(events):
            data = event_data(event)
            if not can_be_read(event, data):
                self.broken = True
                return b"".join(events[:place])
            for mark in self._marks:
                if data.find(mark) >= 0 and _ends(data):
                    return whole
        return whole


def split_events(data: bytes) -> list[bytes]:
    """Each event with its boundary. Joined, they are the input again."""
    events, start = [], 0
    for boundary in _BOUNDARY.finditer(data):
        events.append(data[start : boundary.end()])
        start = boundary.end()
    if start < len(data):
        events.append(data[start:])
    return events


def event_data(event: bytes) -> bytes:
    """The event's data: its ``data:`` lines joined by LF; empty for comments."""
    if event.startswith(_BOM):
        event = event[len(_BOM) :]
    if _CR in event:
        event = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return b"\n".join(_DATA.findall(event))


def contents(events: bytes) -> list[bytes]:
    """The data of each event that has any."""
    if _CR in events:
        return [data for event in split_events(events) if (data := event_data(event))]
    texts = []
    for event in events.split(b"\n\n"):
        if len(event) > 6 and event.startswith(b"data: ") and _LF not in event:  # the usual case
            texts.append(event[6:])
        elif event and (data := event_data(event)):
            texts.append(data)
    return texts


def as_event(data: bytes) -> bytes:
    """An event with this data, which may have several lines."""
    return b"".join(b"data: " + line + b"\n" for line in data.splitlines() or [b""]) + b"\n"


def _last_boundary(data: bytes | bytearray, start: int) -> int:
    """The end of the last whole event; 0 if there is none. No pair of line ends lies before ``start``."""
    end = data.rfind(b"\n\n", start) + 2
    for pair in (b"\n\r", b"\r\r"):
        at = data.rfind(pair, start)
        if at >= 0:
            after = at + 2
            end = max(end, after + (data[after : after + 1] == b"\n"))
    return end if end > 1 else 0


def _ends(content: bytes) -> bool:
    if content == DONE:
        return True
    if excess(content, DECODED) is not None:
        return False
    try:
        head = _HEAD.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(head.error) or (isinstance(head.type, str) and head.type in TERMINAL)


def _is_usage_only(event: bytes) -> bool:
    if not _USAGE.search(event) or excess(event, DECODED) is not None:
        return False
    try:
        return _CHUNK.decode(event_data(event)).choices == []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False  # not the chunk that the gateway requested, so the client gets it


def has_only_chunks(piece: bytes) -> bool:
    """Whether this is one or more whole events of one line with a JSON object each, the usual case."""
    if not piece.startswith(b"data: {") or not piece.endswith(_END):
        return False
    text, lines = piece[6:-2], piece.count(b"\n")
    try:
        if lines == len(_END):
            _decode(text)
            return True
        chunks = text.split(_BETWEEN)
        if lines != len(_END) * len(chunks):
            return False
        for chunk in chunks:
            if not chunk.startswith(b"{"):
                return False
            _decode(chunk)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def is_json(body: bytes) -> bool:
    """Whether a whole body is JSON."""
    try:
        _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _is_json_slowly(body)
    return True


def can_be_read(event: bytes, data: bytes) -> bool:
    """Whether a client can read an event with this data. Clients ignore events with names that they don't know."""
    if not data or data == b"[DONE]" or _NAMED.search(event) is not None:
        return True
    return is_json(data)


def _is_json_slowly(data: bytes) -> bool:
    if excess(data, DECODED) is not None:
        return True  # too deeply nested to be checked here
    try:
        json_bodies.decode_leniently(data)
    except ValueError:
        return False
    except RecursionError:  # too deeply nested to be checked here
        return True
    return True
