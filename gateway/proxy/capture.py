"""Bodies for the record: in full, redacted or not at all; what fails, or is too much work, is not recorded."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from fairtrial.domain.events import CaptureOutcome
from fairtrial.domain.plan import Capture
from gateway.proxy.asked import Asked
from gateway.proxy.redaction import AT_ONCE, as_it_came, json_steps
from gateway.proxy.stepwise import Steps, TooMuchWork, Turns, at_once, bounded
from gateway.proxy.suspicion import suspect_json

BODY_LIMIT = 256 * 1024
"""Bytes; a larger body is left out of the record whole: half a JSON text would be of use to nobody."""

LARGE = 16 * 1024
"""Bytes of both bodies together that are redacted in turns with other work, not at once."""

IN_TURNS = 400
"""Steps that a body may take in turns; with them some 20,000 places are looked at closely."""

_PARTED = b"\n"
"""Stands in no text of JSON, so that one look at two bodies is as good as two."""

LeftOut = Literal["size", "work"]
"""Why a body is not recorded although the plan wants it: it is too large, or redacting it is too much work."""

LEFT_OUT: tuple[LeftOut, ...] = get_args(LeftOut)


class Bodies(NamedTuple):
    """What is recorded of the two bodies, as JSON text, and how it was captured; and what was left out, and why."""

    outcome: CaptureOutcome = "none"
    request: str | None = None
    response: str | None = None
    left_out: tuple[LeftOut, ...] = ()


NO_BODIES = Bodies()


def capture_bodies(capture: Capture, asked: Asked, answer: bytes | None) -> Bodies:
    """The two bodies as the plan wants them, at once; never raises."""
    if capture == "none":
        return NO_BODIES
    return at_once(_captured(capture, asked.body, answer, most=AT_ONCE, pauses=False))


async def capture_in_turns(
    capture: Capture, asked: Asked, answer: bytes | None, *, turns: Turns, caller: str | None
) -> Bodies:
    """The same, in turns with other work where the bodies are large; at once where too much of that waits."""
    size = len(asked.body) + len(answer or b"")
    if capture != "redacted" or size < LARGE or turns.busy(caller):
        return capture_bodies(capture, asked, answer)
    return await turns.take(_captured(capture, asked.body, answer, most=IN_TURNS, pauses=True), caller)


def _captured(
    capture: Capture, request: bytes | None, answer: bytes | None, *, most: int, pauses: bool
) -> Steps[Bodies]:
    bodies = (request, answer)
    left_out: list[LeftOut] = ["size" for body in bodies if body and len(body) > BODY_LIMIT]
    kept = [body if body and len(body) <= BODY_LIMIT else None for body in bodies]
    try:
        if capture == "full":
            texts: list[str | None] = [None if body is None else body.decode() for body in kept]
        elif not suspect_json(_PARTED.join(filter(None, kept))):
            texts = [None if body is None else as_it_came(body) for body in kept]
        else:
            texts = []
            for body in kept:
                text = None if body is None else (yield from _redacted(body, most, pauses=pauses))
                left_out += ["work"] if body is not None and text is None else []
                texts.append(text)
    except Exception:  # noqa: BLE001 - the fence of recording: whatever fails in a redaction, the traffic goes on
        return Bodies("failed", left_out=tuple(left_out))
    return Bodies(capture, texts[0], texts[1], tuple(left_out))


def _redacted(body: bytes, most: int, *, pauses: bool) -> Steps[str | None]:
    """The body redacted; ``None`` if that is too much work."""
    try:
        return (yield from bounded(json_steps(body, pauses=pauses), most))
    except TooMuchWork:
        return None
