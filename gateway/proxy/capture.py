"""Bodies for the record: in full, redacted or not at all; if redaction fails they are not recorded."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.events import CaptureOutcome
from fairtrial.domain.plan import Capture
from gateway.proxy.asked import Asked
from gateway.proxy.redaction import redact_json

BODY_LIMIT = 256 * 1024
"""Bytes; a larger body is left out of the record whole: half a JSON text would be of use to nobody."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is recorded of the two bodies, as JSON text, and how it was captured."""

    outcome: CaptureOutcome = "none"
    request: str | None = None
    response: str | None = None


def capture_bodies(capture: Capture, asked: Asked, answer: bytes | None) -> Bodies:
    """The two bodies as the plan wants them; never raises."""
    if capture == "none":
        return Bodies()
    try:
        return Bodies(capture, _kept(capture, asked.body), _kept(capture, answer))
    except Exception:  # noqa: BLE001 - the fence of recording: whatever fails in a redaction, the traffic goes on
        return Bodies("failed")


def _kept(capture: Capture, body: bytes | None) -> str | None:
    if not body or len(body) > BODY_LIMIT:
        return None
    return body.decode() if capture == "full" else redact_json(body)
