"""Joins the lines of version 1: the request, attempts and exposure of one request become one line.

Lines that arrive without their request's line stay by themselves. Their attempts are rows of their own anyway, and
exposures wait in their table (`fairtrial/store/derived/earlier_exposures.py`).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import asdict

from fairtrial.journal.events_v1 import AttemptEventV1, EventV1, ExposureEventV1, RequestEventV1

_encode = msgspec.json.Encoder().encode


class EarlierLines:
    """The events of version 1 of one batch."""

    def __init__(self) -> None:
        self._requests: list[RequestEventV1] = []
        self._attempts: list[AttemptEventV1] = []
        self._exposures: list[ExposureEventV1] = []

    def add(self, event: EventV1) -> None:
        """Add an event in the order of the journal."""
        if isinstance(event, RequestEventV1):
            self._requests.append(event)
        elif isinstance(event, AttemptEventV1):
            self._attempts.append(event)
        else:
            self._exposures.append(event)

    def joined(self) -> dict[str, list[bytes]]:
        """Lines by kind (`columns.KINDS`): joined requests, and what belongs to none of them."""
        attempts: dict[str, list[AttemptEventV1]] = {event.request_id: [] for event in self._requests}
        exposures: dict[str, ExposureEventV1] = {}
        lines: dict[str, list[bytes]] = {"request_v1": [], "attempt": [], "exposure": []}
        for attempt in self._attempts:
            if attempt.request_id in attempts:
                attempts[attempt.request_id].append(attempt)
            else:
                lines["attempt"].append(_line(attempt))
        for exposure in self._exposures:
            if exposure.request_id in attempts and exposure.request_id not in exposures:
                exposures[exposure.request_id] = exposure
            else:
                lines["exposure"].append(_line(exposure))
        for request in self._requests:
            own, exposed = attempts.pop(request.request_id, []), exposures.pop(request.request_id, None)
            lines["request_v1"].append(_line(asdict(request) | {"attempts": own, "exposure": exposed}))
        return {kind: found for kind, found in lines.items() if found}


def _line(event: EventV1 | dict[str, Any]) -> bytes:
    return _encode(event) + b"\n"
