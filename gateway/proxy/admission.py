"""Which requests a worker takes on: as many as it can carry, none any more once it is told to stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from fairtrial.domain.errors import Unavailable
from gateway.proxy.errors import RETRY_AFTER_SECONDS, error_body
from gateway.proxy.serving.turn import Turn
from gateway.proxy.wire import JSON_LINE

Stage = Literal["serving", "leaving", "draining", "ending"]
"""A worker's life: it serves; still serves and says that it stops; takes no new requests; breaks off what is left."""

CROWD = 32
"""A late loop is no reason to refuse anyone while fewer requests than this are in progress: they aren't the cause."""

UNREAD_SECONDS = 2.0
"""How long the body of a refused request is read before its connection is closed, so that the answer arrives."""


@dataclass(slots=True)
class Admission:
    """How many requests are in progress, and whether one more may be; counts those that were turned away."""

    limit: int
    stage: Stage = "serving"
    in_flight: int = 0
    late: bool = False
    refused: dict[str, int] = field(default_factory=dict)

    def refusal(self) -> Refusal | None:
        """Why no other request may begin now, or nothing."""
        if self.stage in ("draining", "ending"):
            return DRAINING
        if self.in_flight >= self.limit:
            return FULL
        return LATE if self.late and self.in_flight >= CROWD else None

    def broken_off(self, *, client_gone: bool) -> Unavailable | None:
        """For a task that was cancelled: the error to tell its client if that was the end, and then it goes on.

        Nothing where it was cancelled for another reason.
        """
        task = asyncio.current_task()
        if self.stage != "ending" or client_gone or task is None:
            return None
        task.uncancel()
        return stopping("stopped")

    def refuse_if_leaving(self) -> None:
        """For the readiness: `Unavailable` from the moment in which the worker is told to stop."""
        if self.stage != "serving":
            raise stopping("draining")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way to be turned away, its answer made beforehand; ``last``: whether the connection is closed after it."""

    reason: str
    body: bytes
    lines: tuple[bytes, ...]
    last: bool


async def refuse(admission: Admission, refusal: Refusal, turn: Turn, request_id: str) -> None:
    """Answer at once. Where the connection stays, what is still to come of the body is skipped by the server."""
    admission.refused[refusal.reason] = admission.refused.get(refusal.reason, 0) + 1
    if refusal.last:
        turn.keep_alive = False
        await _skip_body(turn)
    _answer(turn, refusal, request_id)


def break_off(turn: Turn, request_id: str) -> None:
    """For a request that nobody else told of the end: refuse it; if its answer has begun, its connection breaks."""
    turn.keep_alive = False
    if turn.started:
        turn.line.close()
    else:
        _answer(turn, DRAINING, request_id)


def _answer(turn: Turn, refusal: Refusal, request_id: str) -> None:
    named = b"x-request-id: %b\r\n" % request_id.encode()
    turn.answer(Unavailable.status, [*refusal.lines, named], refusal.body)


async def _skip_body(turn: Turn) -> None:
    """Closing with unread bytes would reset the connection, and the client might never see its answer."""
    try:
        async with asyncio.timeout(UNREAD_SECONDS):
            while (message := await turn.receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        return


def stopping(code: str) -> Unavailable:
    """The error of a gateway that is told to stop; another one, or this one started again, will serve."""
    return Unavailable("this gateway is stopping: send the request again, on a new connection", code=code)


def _refusal(reason: str, error: Unavailable, *, last: bool = False) -> Refusal:
    again = b"retry-after: %d\r\n" % RETRY_AFTER_SECONDS, b"x-should-retry: true\r\n"
    return Refusal(reason, error_body(error), (JSON_LINE, *again), last)


DRAINING = _refusal("draining", stopping("draining"), last=True)
_TOO_MUCH = Unavailable(
    "this gateway has as many requests in progress as it can carry: send it again", code="overloaded"
)
FULL, LATE = _refusal("full", _TOO_MUCH), _refusal("late", _TOO_MUCH)
