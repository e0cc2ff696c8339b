"""Reads the journal: whole lines of a segment from a position on, and the events in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import fields

from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import EVENTS, REQUEST, REQUEST_VERSION, Event, RequestEvent
from fairtrial.journal.events_v1 import EVENTS_V1, EventV1
from fairtrial.safe_files import open_named

CHUNK_BYTES = 4 * 2**20
TOO_DEEP = "it is nested too deeply"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of a segment. ``lines`` ends with a newline (or is empty) and reaches from ``start`` to ``end``.

    ``tail`` is the rest after the last newline, if the end of the file was reached: a line that is being written, or
    one that an ended writer left torn.
    """

    start: int
    end: int
    lines: bytes
    tail: bytes


def read_chunk(path: Path, position: int, *, limit: int = CHUNK_BYTES) -> Chunk:
    """Up to about ``limit`` bytes of whole lines from ``position``; a longer line is read whole.

    Raises `UsageError` for what is not a regular file.
    """
    with open_named(path) as file:
        file.seek(position)
        return chunk_of(file.read, position, limit=limit)


def chunk_of(read: Callable[[int], bytes], position: int, *, limit: int = CHUNK_BYTES) -> Chunk:
    """The same from ``read``, which returns bytes from ``position`` on; fewer than requested only at the end."""
    found = read(limit)
    at_end = len(found) < limit
    while not at_end and b"\n" not in found:
        more = read(limit)
        at_end = len(more) < limit
        found += more
    cut = found.rfind(b"\n") + 1
    return Chunk(position, position + cut, found[:cut], found[cut:] if at_end else b"")


class _Kind(msgspec.Struct):
    kind: str
    v: int = 1


Decoder = msgspec.json.Decoder[Event | EventV1]

_KIND = msgspec.json.Decoder(_Kind)
_REQUEST: Decoder = msgspec.json.Decoder(RequestEvent)
_DECODERS: dict[str, dict[int, Decoder]] = {
    str(field.default): {1: msgspec.json.Decoder(event)}
    for event in (*EVENTS, *EVENTS_V1)
    for field in fields(event)
    if field.name == "kind" and event is not RequestEvent
}
_DECODERS[REQUEST][REQUEST_VERSION] = _REQUEST
_USUAL = b'{"kind":"request","v":%d,' % REQUEST_VERSION
"""How the lines begin that a gateway writes most."""


class NewerEvent(JournalError):
    """An event of a version that only a newer program reads. It must stay in its segment until that program runs."""


def decode(line: bytes) -> Event | EventV1:
    """The event of one line; `JournalError` on broken JSON, an unknown kind or version, or a wrong field.

    Raises `NewerEvent` for a version above the known one.
    """
    kind, decoder = (REQUEST, _REQUEST) if line.startswith(_USUAL) else _decoder(line)
    try:
        return decoder.decode(line)
    except RecursionError:
        raise JournalError(f"{kind}: {TOO_DEEP}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"{kind}: {error}") from error


def _decoder(line: bytes) -> tuple[str, Decoder]:
    """The kind of a line's event, and the decoder for its version."""
    try:
        head = _KIND.decode(line)
    except RecursionError:
        raise JournalError(f"not an event ({TOO_DEEP})") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"not an event ({error})") from error
    versions = _DECODERS.get(head.kind)
    if versions is None:
        raise JournalError(f"unknown kind {head.kind!r} (known: {', '.join(_DECODERS)})")
    decoder = versions.get(head.v)
    if decoder is None:
        newest = max(versions)
        if head.v > newest:
            raise NewerEvent(f"{head.kind}: version {head.v} is newer than this program (known: {newest})")
        raise JournalError(f"{head.kind}: version {head.v} is not known (known: {newest})")
    return head.kind, decoder
