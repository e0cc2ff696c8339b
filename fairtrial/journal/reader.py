"""Reads the journal: whole lines of a segment from a position on, and the events in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import fields

from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import EVENTS, Event

CHUNK_BYTES = 4 * 2**20


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
    """Up to about ``limit`` bytes of whole lines from ``position``; a longer line is read whole."""
    with path.open("rb") as file:
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


_KIND = msgspec.json.Decoder(_Kind)
_DECODERS: dict[str, msgspec.json.Decoder[Event]] = {
    str(field.default): msgspec.json.Decoder(event)
    for event in EVENTS
    for field in fields(event)
    if field.name == "kind"
}
EVENT_VERSION = 1


class NewerEvent(JournalError):
    """An event of a version that only a newer program reads. It must stay in its segment until that program runs."""


def decode(line: bytes) -> Event:
    """The event of one line; `JournalError` on broken JSON, an unknown kind or version, or a wrong field.

    Raises `NewerEvent` for a version above the known one.
    """
    try:
        head = _KIND.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"not an event ({error})") from error
    decoder = _DECODERS.get(head.kind)
    if decoder is None:
        raise JournalError(f"unknown kind {head.kind!r} (known: {', '.join(_DECODERS)})")
    if head.v > EVENT_VERSION:
        raise NewerEvent(f"{head.kind}: version {head.v} is newer than this program (known: {EVENT_VERSION})")
    if head.v != EVENT_VERSION:
        raise JournalError(f"{head.kind}: version {head.v} is not known (known: {EVENT_VERSION})")
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"{head.kind}: {error}") from error
