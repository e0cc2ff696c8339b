"""Captures bodies and tags for the record: in full, redacted, or not at all if that fails or is too much work."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from fairtrial.domain.events import CaptureOutcome
from fairtrial.domain.settings import Capture
from gateway.proxy.admission.cooperative_work import Allowance, Steps, TimeSlicer, TooMuchWork, at_once, bounded
from gateway.proxy.recording.redaction import (
    AT_ONCE,
    SLICED_STEPS,
    as_it_came,
    json_steps,
    needs_json_steps,
    redact_text,
)
from gateway.proxy.wire.http import TAGS_HEADER
from gateway.proxy.wire.json_bodies import RequestBody

BODY_LIMIT = 256 * 1024
"""Bytes. A larger body is left out entirely, because half a JSON text is useless."""

MAX_TAGS, MAX_LENGTH = 16, 128
"""How many tags a request may have, and how long a name or a value may be."""

LeftOut = Literal["size", "work"]
"""Why a body is not recorded although the plan wants it: it is too large, or its redaction is too much work."""

LEFT_OUT: tuple[str, ...] = (*get_args(LeftOut), "feedback")
"""The reasons that are counted, with one more for texts of feedback whose redaction is too much work."""


class Bodies(msgspec.Struct, frozen=True, gc=False):
    """The recorded parts of the two bodies, as JSON text; how they were captured; and why a part was left out."""

    outcome: CaptureOutcome = "none"
    request: str | None = None
    response: str | None = None
    left_out: tuple[LeftOut, ...] = ()


NO_BODIES = Bodies()


def capture_bodies(capture: Capture, body: RequestBody, answer: bytes | None) -> Bodies:
    """The two bodies as the plan wants them, without waiting. Never raises."""
    bodies = untouched(capture, body, answer)
    return bodies or at_once(_redacted(body.body, answer, most=AT_ONCE))


async def capture_in_slices(
    body: RequestBody, answer: bytes | None, *, time_slicer: TimeSlicer, caller: str | None
) -> Bodies:
    """The bodies that `untouched` left, in time slices; at once, within a smaller limit, if too much work waits."""
    if time_slicer.busy(caller):
        return at_once(_redacted(body.body, answer, most=AT_ONCE))
    return await time_slicer.run(_redacted(body.body, answer, most=SLICED_STEPS), caller)


def untouched(capture: Capture, body: RequestBody, answer: bytes | None, *, is_json: bool = False) -> Bodies | None:
    """The bodies if they need no redaction, as most do; else ``None``. ``is_json``: the answer needs no check of it."""
    if capture == "none":
        return NO_BODIES
    sent, answered = body.body, answer or b""
    left_out: tuple[LeftOut, ...] = ()
    if len(sent) + len(answered) > BODY_LIMIT:
        left_out = _too_large(sent, answered)
        sent, answered = _kept(sent) or b"", _kept(answered) or b""
    try:
        if capture == "redacted" and needs_json_steps(sent, answered):
            return None
        plain = capture == "full"
        return Bodies(
            capture,
            (sent.decode() if plain or body.strict else as_it_came(sent)) if sent else None,
            (answered.decode() if plain or is_json else as_it_came(answered)) if answered else None,
            left_out,
        )
    except Exception:  # noqa: BLE001 - a failure of recording must not stop traffic
        return Bodies("failed", left_out=left_out)


def _redacted(request: bytes, answer: bytes | None, *, most: int) -> Steps[Bodies]:
    left_out, texts = list(_too_large(request, answer)), list[str | None]()
    try:
        for body in (_kept(request), _kept(answer)):
            try:
                texts.append(None if body is None else (yield from bounded(json_steps(body), Allowance(most))))
            except TooMuchWork:
                left_out.append("work")
                texts.append(None)
    except Exception:  # noqa: BLE001 - a failure of redaction must not stop traffic
        return Bodies("failed", left_out=tuple(left_out))
    return Bodies("redacted", texts[0], texts[1], tuple(left_out))


def _kept(body: bytes | None) -> bytes | None:
    return body if body and len(body) <= BODY_LIMIT else None


def _too_large(*bodies: bytes | None) -> tuple[LeftOut, ...]:
    return tuple("size" for body in bodies if body and len(body) > BODY_LIMIT)


def read_tags(headers: Mapping[str, str], capture: Capture) -> dict[str, str]:
    """Tags of ``x-fairtrial-tags: team=search,release=7``; ignores other parts. Redacted unless capture is ``full``."""
    if TAGS_HEADER not in headers:
        return {}
    line = headers[TAGS_HEADER]
    tags: dict[str, str] = {}
    for part in line.split(",")[:MAX_TAGS]:
        name, equals, value = part.partition("=")
        if equals and name.strip():
            tags[name.strip()[:MAX_LENGTH]] = value.strip()[:MAX_LENGTH]
    return tags if capture == "full" else {redact_text(name): redact_text(value) for name, value in tags.items()}
