"""Bodies for the record: in full, redacted or not at all; if redaction fails they are not recorded."""

from __future__ import annotations

from typing import NamedTuple

from fairtrial.domain.events import CaptureOutcome
from fairtrial.domain.plan import Capture
from gateway.proxy.asked import Asked
from gateway.proxy.redaction import redact_both, redact_json

BODY_LIMIT = 256 * 1024
"""Bytes; a larger body is left out of the record whole: half a JSON text would be of use to nobody."""


class Bodies(NamedTuple):
    """What is recorded of the two bodies, as JSON text, and how it was captured."""

    outcome: CaptureOutcome = "none"
    request: str | None = None
    response: str | None = None


NO_BODIES = Bodies()


def capture_bodies(capture: Capture, asked: Asked, answer: bytes | None) -> Bodies:
    """The two bodies as the plan wants them; never raises."""
    if capture == "none":
        return NO_BODIES
    try:
        return _captured(capture, _kept(asked.body), _kept(answer))
    except Exception:  # noqa: BLE001 - the fence of recording: whatever fails in a redaction, the traffic goes on
        return Bodies("failed")


def _kept(body: bytes | None) -> bytes | None:
    return body if body and len(body) <= BODY_LIMIT else None


def _captured(capture: Capture, request: bytes | None, response: bytes | None) -> Bodies:
    if capture == "redacted" and request is not None and response is not None:
        return Bodies(capture, *redact_both(request, response))
    text = redact_json if capture == "redacted" else bytes.decode
    return Bodies(capture, *(None if body is None else text(body) for body in (request, response)))
