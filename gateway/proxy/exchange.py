"""One request in progress: what is known of it so far, filled in from step to step and recorded once at its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from fairtrial.domain.errors import RequestError
from fairtrial.domain.events import CaptureOutcome, Purpose, RequestOutcome
from gateway.proxy.extraction.chat_metadata import NOTHING, Readout
from gateway.proxy.plan.caller import Caller
from gateway.proxy.plan.routing_table import Arm, Routing, Target
from gateway.proxy.request_ids import fresh_id
from gateway.proxy.wire.headers import Headers
from gateway.proxy.wire.request_body import Asked

CLIENT_CLOSED = 499
"""The status that is recorded when the caller left before any was sent (nginx's convention)."""


@dataclass(slots=True)
class AttemptNote:
    """One upstream call so far; times are of `time.perf_counter`, in seconds."""

    ordinal: int
    purpose: Purpose
    arm: Arm
    at_us: int
    started: float
    first_byte: float | None = None
    ended: float | None = None
    status: int | None = None
    head: Headers | None = None
    failure: RequestError | None = None

    def fail(self, error: RequestError) -> None:
        """It ends now, with this error."""
        self.failure, self.ended = error, time.perf_counter()


@dataclass(slots=True)
class Exchange:
    """A request in progress. ``served`` is the arm that answers in the end; ``status`` is what the client was sent.

    ``unread``: the answer, or an event of it, has more structure than is decoded.
    """

    request_id: str
    endpoint: str
    headers: Headers
    at_us: int
    started: float
    query: bytes = b""
    routing: Routing | None = None
    caller: Caller | None = None
    asked: Asked | None = None
    target: Target | None = None
    served: Arm | None = None
    attempts: list[AttemptNote] = field(default_factory=list)
    status: int = CLIENT_CLOSED
    outcome: RequestOutcome = "ok"
    error: RequestError | None = None
    readout: Readout = NOTHING
    answer: bytes | None = None
    bodies: Bodies | None = None
    unread: bool = False
    ended: float | None = None
    client_gone: bool = False
    recorded: bool = False

    @classmethod
    def begin(cls, endpoint: str, headers: Headers, *, query: bytes = b"") -> Exchange:
        """A new request, named and timed now."""
        now = time.time_ns()
        return cls(
            request_id=fresh_id(now // 1_000_000),
            endpoint=endpoint,
            headers=headers,
            at_us=now // 1000,
            started=time.perf_counter(),
            query=query,
        )

    def attempt(self, arm: Arm, purpose: Purpose) -> AttemptNote:
        """Note a new upstream call, which begins now."""
        note = AttemptNote(len(self.attempts), purpose, arm, time.time_ns() // 1000, time.perf_counter())
        self.attempts.append(note)
        self.served = arm
        return note

    def forget(self) -> None:
        """Let go of bodies and errors when all is over.

        An error's traceback leads to frames, and those back to this exchange: only a collection of cycles would free
        the bodies, and a worker makes few.
        """
        self.error = self.asked = self.answer = None
        for note in self.attempts:
            note.failure = None

    @property
    def retry_ordinal(self) -> int:
        """Which try of the official client this is, from 0."""
        count = self.headers.raw.get("x-stainless-retry-count", b"0")
        return int(count) if count.isdigit() and len(count) < 4 else 0


class Bodies(NamedTuple):
    """What is recorded of the two bodies, as JSON text, and how it was captured; and what was left out, and why."""

    outcome: CaptureOutcome = "none"
    request: str | None = None
    response: str | None = None
    left_out: tuple[LeftOut, ...] = ()


NO_BODIES = Bodies()


LeftOut = Literal["size", "work"]
"""Why a body is not recorded although the plan wants it: it is too large, or redacting it is too much work."""
