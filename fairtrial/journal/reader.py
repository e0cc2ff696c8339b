"""Reads the journal: whole lines of a segment from a position on, and the events in them, also of the first release."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import fields

from fairtrial.domain.errors import JournalError
from fairtrial.domain.events import (
    EVENTS,
    REQUEST,
    REQUEST_VERSION,
    AttemptOutcome,
    AttemptRecord,
    Event,
    Exposure,
    Reason,
    RequestEvent,
)
from fairtrial.domain.money.tokens import UsageSource
from fairtrial.domain.settings import ExperimentState
from fairtrial.named_files import open_named

CHUNK_BYTES = 4 * 2**20
TOO_DEEP = "it is nested too deeply"
_USUAL = b'{"kind":"request","v":%d,' % REQUEST_VERSION
"""How the lines begin that a gateway writes most."""


class RequestEventV1(RequestEvent, frozen=True, kw_only=True, gc=False, omit_defaults=False):
    """One logical request of an application and its response, whose attempts and exposure are separate lines.

    Older lines lack ``arm_outcome`` and ``user_outcome``, so the store computes them.
    """

    kind: Literal["request"] = "request"
    v: int = 1
    stream: bool
    deployment: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    usage_source: UsageSource = "none"
    cost_usd: str | None = None


class AttemptEventV1(AttemptRecord, frozen=True, kw_only=True, gc=False, omit_defaults=False):
    """One upstream call for a request; ``ordinal`` counts from 0."""

    attempt_id: str
    request_id: str
    ordinal: int
    plan_hash: str
    outcome: AttemptOutcome | None = None  # type: ignore[assignment]  # version 1 did not record it
    tokens_in: int | None = None
    tokens_out: int | None = None
    kind: Literal["attempt"] = "attempt"
    v: int = 1


class ExposureEventV1(Exposure, frozen=True, kw_only=True, gc=False, omit_defaults=False):
    """The variant that a unit was assigned, the one that served, and the reason.

    It repeats fields of the `RequestEvent` that it belongs to, because it is a separate line.
    """

    request_id: str
    at_us: int
    experiment: str
    assigned: str
    served: str
    reason: Reason
    state: ExperimentState | None = None  # type: ignore[assignment]  # version 1 did not record it
    retry_ordinal: int
    plan_hash: str
    kind: Literal["exposure"] = "exposure"
    v: int = 1


EventV1 = RequestEventV1 | AttemptEventV1 | ExposureEventV1
EVENTS_V1: tuple[type[EventV1], ...] = (RequestEventV1, AttemptEventV1, ExposureEventV1)


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
    """Whole lines from ``read``, which returns bytes from ``position`` on; fewer than requested only at the end."""
    content = read(limit)
    at_end = len(content) < limit
    while not at_end and b"\n" not in content:
        more = read(limit)
        at_end = len(more) < limit
        content += more
    cut = content.rfind(b"\n") + 1
    return Chunk(position, position + cut, content[:cut], content[cut:] if at_end else b"")


class _Kind(msgspec.Struct):
    kind: str
    v: int = 1


Decoder = msgspec.json.Decoder[Event | EventV1]

_KIND = msgspec.json.Decoder(_Kind)
_DECODERS: dict[str, dict[int, Decoder]] = {
    str(field.default): {1: msgspec.json.Decoder(event)}
    for event in (*EVENTS, *EVENTS_V1)
    for field in fields(event)
    if field.name == "kind" and event is not RequestEvent
}
_REQUEST: Decoder = msgspec.json.Decoder(RequestEvent)
_DECODERS[REQUEST][REQUEST_VERSION] = _REQUEST


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
