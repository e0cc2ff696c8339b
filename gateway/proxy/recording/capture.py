"""Captures bodies and tags for the record: in full, redacted, or not at all if that fails or is too much work.

What a prompt was is also recorded as a keyed digest, so that repeated prompts are found where no bodies are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, get_args

from fairtrial.domain.events import CaptureOutcome
from fairtrial.domain.plan import Capture
from gateway.proxy.admission.cooperative_work import Allowance, Steps, TimeSlicer, TooMuchWork, at_once, bounded
from gateway.proxy.recording.redaction import AT_ONCE, as_it_came, json_steps, needs_json_steps, redact_text
from gateway.proxy.wire.headers import TAGS_HEADER
from gateway.proxy.wire.request_body import RequestBody

BODY_LIMIT = 256 * 1024
"""Bytes. A larger body is left out entirely, because half a JSON text is useless."""

MAX_TAGS, MAX_LENGTH = 16, 128
"""How many tags a request may have, and how long a name or a value may be."""

SLICED_STEPS = 320
"""Steps that the redaction of a body may take in time slices: enough to examine some 2,500 candidates."""


LeftOut = Literal["size", "work"]
"""Why a body is not recorded although the plan wants it: it is too large, or its redaction is too much work."""

LEFT_OUT: tuple[str, ...] = (*get_args(LeftOut), "feedback")
"""The reasons that are counted, with one more for texts of feedback whose redaction is too much work."""


class Bodies(NamedTuple):
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


def untouched(capture: Capture, body: RequestBody, answer: bytes | None) -> Bodies | None:
    """The bodies if they need no redaction, as most do; else ``None``."""
    if capture == "none":
        return NO_BODIES
    request = body.body
    left_out = () if len(request) + len(answer or b"") <= BODY_LIMIT else _too_large(request, answer)
    one, other = _kept(request), _kept(answer)
    try:
        if capture == "full":
            return Bodies(capture, _each(bytes.decode, one), _each(bytes.decode, other), left_out)
        if not needs_json_steps(one or b"", other or b""):
            sent = _each(bytes.decode if body.strict else as_it_came, one)
            return Bodies(capture, sent, _each(as_it_came, other), left_out)
    except Exception:  # noqa: BLE001 - a failure of recording must not stop traffic
        return Bodies("failed", left_out=left_out)
    return None


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


def _each(text: Callable[[bytes], str], body: bytes | None) -> str | None:
    return None if body is None else text(body)


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
