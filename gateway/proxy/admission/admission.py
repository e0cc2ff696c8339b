"""Which requests a worker takes on: as many as it can carry, none any more once it is told to stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fairtrial.domain.errors import Overloaded, RateLimited, Unavailable
from fairtrial.domain.limits.worker_settings import USUAL, WorkerSettings
from gateway.proxy.wire.asgi import JSON_LINE
from gateway.proxy.wire.openai_errors import RETRY_AFTER_SECONDS, error_body

Stage = Literal["serving", "leaving", "draining", "ending"]
"""A worker's life: it serves; still serves and says that it stops; takes no new requests; breaks off what is left."""

CROWD = 32
"""A late loop is no reason to refuse anyone while fewer requests than this are in progress: they aren't the cause."""

LOOK_SECONDS = 0.2
REST_SECONDS = 1.0
"""While no request is in progress, which is when nobody could be refused."""

LATE_SECONDS = 0.5
IN_A_ROW = 3

MEBIBYTE = 2**20
_TOO_MUCH = "this gateway has as many requests in progress as it can carry: send it again"
_KEY_SHARE = "this key uses its whole share of the gateway, which others use too: send it again when others have ended"


@dataclass(slots=True)
class Use:
    """What one key uses of a worker: its requests in progress, and the bytes of their large bodies."""

    requests: int = 0
    bytes: int = 0


class Admitted(Protocol):
    """A request that was admitted: what it holds until it ends."""

    use: Use | None
    held: int


@dataclass(slots=True)
class Admission:
    """How many requests are in progress, and whether one more may be; counts those that were turned away.

    ``short``: the process is at its limit of open files. ``bodies``: bytes of large request bodies that may be held;
    no key may use more than its share of requests and bodies.
    """

    limit: int
    stage: Stage = "serving"
    in_flight: int = 0
    late: bool = False
    short: bool = False
    refused: dict[str, int] = field(default_factory=dict)
    bodies: int = USUAL.max_bodies_mb * MEBIBYTE
    share: float = 1.0
    largest: int = 0
    """Bytes of the largest body: one of them always fits."""
    held: int = 0
    keys: dict[str, Use] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: WorkerSettings, *, max_body: int) -> Admission:
        """As a worker's settings say; ``max_body``: bytes of the largest body."""
        return cls(
            settings.max_in_flight,
            bodies=max(settings.max_bodies_mb * MEBIBYTE, max_body),
            share=settings.max_share_per_key / 100,
            largest=max_body,
        )

    def claim(self, turn: Admitted, key_id: str | None) -> None:
        """Count a request for its key; `RateLimited` where that has its share of requests in progress already.

        A gateway without keys has one caller, its own machine: nothing is held back from it.
        """
        if key_id is None or turn.use is not None:
            return
        use = self.keys.get(key_id) or self.keys.setdefault(key_id, Use())
        if use.requests >= max(1, int(self.limit * self.share)):
            self.count("key_share")
            raise RateLimited(_KEY_SHARE, code="key_share_used")
        use.requests += 1
        turn.use = use

    def hold(self, turn: Admitted, size: int) -> None:
        """Count bytes of a body that is kept until its request ends; `RateLimited` or `Overloaded`."""
        use = turn.use
        if use is not None and use.bytes + size > max(self.largest, int(self.bodies * self.share)):
            self.count("key_share_bodies")
            raise RateLimited(_KEY_SHARE, code="key_share_used")
        if self.held + size > self.bodies:
            self.count("bodies")
            raise Overloaded(_TOO_MUCH, code="overloaded")
        self.held += size
        turn.held += size
        if use is not None:
            use.bytes += size

    def release(self, turn: Admitted) -> None:
        """A request has ended: its place is free, and what was counted for its key."""
        self.in_flight -= 1
        self.held -= turn.held
        if turn.use is not None:
            turn.use.requests -= 1
            turn.use.bytes -= turn.held

    def count(self, reason: str) -> None:
        """One more was turned away."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def refusal(self, *, reserved: bool = False) -> Refusal | None:
        """Why no other request may begin now, or nothing; ``reserved``: on a descriptor of the reserve."""
        if self.stage in ("draining", "ending"):
            return DRAINING
        if reserved or self.short:
            return FILES
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
    """One way to be turned away, its answer made beforehand; ``last``: whether the connection is closed after it.

    ``patient``: the body is read for a while first.
    """

    reason: str
    body: bytes
    lines: tuple[bytes, ...]
    last: bool
    patient: bool


def stopping(code: str) -> Unavailable:
    """The error of a gateway that is told to stop; another one, or this one started again, will serve."""
    return Unavailable("this gateway is stopping: send the request again, on a new connection", code=code)


def _refusal(reason: str, error: Unavailable, *, last: bool = False, patient: bool = True) -> Refusal:
    again = b"retry-after: %d\r\n" % RETRY_AFTER_SECONDS, b"x-should-retry: true\r\n"
    return Refusal(reason, error_body(error), (JSON_LINE, *again), last, patient)


DRAINING = _refusal("draining", stopping("draining"), last=True)
_FULL = Overloaded(_TOO_MUCH, code="overloaded")
FULL, LATE = _refusal("full", _FULL), _refusal("late", _FULL)
FILES = _refusal("descriptors", _FULL, last=True, patient=False)


async def watch_lag(admission: Admission) -> None:
    """Keep ``admission.late`` true to the loop, until cancelled; the first look in time makes it false again."""
    loop, late = asyncio.get_running_loop(), 0
    while True:
        seconds = LOOK_SECONDS if admission.in_flight or admission.late else REST_SECONDS
        asked = loop.time() + seconds
        await asyncio.sleep(seconds)
        late = late + 1 if loop.time() - asked > LATE_SECONDS else 0
        admission.late = late >= IN_A_ROW
