"""Bodies for the record: in full, redacted or not at all; what fails, or is too much work, is not recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from fairtrial.domain.plan import Capture
from gateway.proxy.admission.cooperative_work import Allowance, Steps, TooMuchWork, Turns, at_once, bounded
from gateway.proxy.exchange import NO_BODIES, Bodies, LeftOut
from gateway.proxy.recording.redaction import AT_ONCE, as_it_came, json_steps
from gateway.proxy.recording.redaction_prefilter import suspect_json
from gateway.proxy.wire.request_body import Asked

BODY_LIMIT = 256 * 1024
"""Bytes; a larger body is left out of the record whole: half a JSON text would be of use to nobody."""

IN_TURNS = 320
"""Steps that a body may take in turns; with them some 2,500 places are looked at closely."""


LEFT_OUT: tuple[str, ...] = (*get_args(LeftOut), "feedback")
"""The reasons by which is counted: also texts of feedback that are too much work."""


def capture_bodies(capture: Capture, asked: Asked, answer: bytes | None) -> Bodies:
    """The two bodies as the plan wants them, at once; never raises."""
    bodies = _untouched(capture, asked.body, answer)
    return bodies or at_once(_redacted(asked.body, answer, most=AT_ONCE))


async def capture_in_turns(
    capture: Capture, asked: Asked, answer: bytes | None, *, turns: Turns, caller: str | None
) -> Bodies:
    """The same, in turns with other work where it is more than a little; at once where too much of that waits."""
    bodies = _untouched(capture, asked.body, answer)
    if bodies is not None:
        return bodies
    if turns.busy(caller):
        return at_once(_redacted(asked.body, answer, most=AT_ONCE))
    return await turns.take(_redacted(asked.body, answer, most=IN_TURNS), caller)


def _untouched(capture: Capture, request: bytes, answer: bytes | None) -> Bodies | None:
    """The bodies where nothing has to be looked for in them, as in most; else ``None``."""
    if capture == "none":
        return NO_BODIES
    left_out = () if len(request) + len(answer or b"") <= BODY_LIMIT else _too_large(request, answer)
    one, other = _kept(request), _kept(answer)
    try:
        if capture == "full":
            return Bodies(capture, _each(bytes.decode, one), _each(bytes.decode, other), left_out)
        if not suspect_json(b"%b\n%b" % (one or b"", other or b"")):  # a newline is in no text of JSON
            return Bodies(capture, _each(as_it_came, one), _each(as_it_came, other), left_out)
    except Exception:  # noqa: BLE001 - the fence of recording: whatever fails, the traffic goes on
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
    except Exception:  # noqa: BLE001 - the fence of recording: whatever fails in a redaction, the traffic goes on
        return Bodies("failed", left_out=tuple(left_out))
    return Bodies("redacted", texts[0], texts[1], tuple(left_out))


def _each(text: Callable[[bytes], str], body: bytes | None) -> str | None:
    return None if body is None else text(body)


def _kept(body: bytes | None) -> bytes | None:
    return body if body and len(body) <= BODY_LIMIT else None


def _too_large(*bodies: bytes | None) -> tuple[LeftOut, ...]:
    return tuple("size" for body in bodies if body and len(body) > BODY_LIMIT)
