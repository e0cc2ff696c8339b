"""Admits requests: as many as the worker can carry, and none once it has to stop."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from fairtrial.domain.errors import Overloaded, RateLimited, Unavailable
from fairtrial.domain.limits.server_settings import USUAL, WorkerSettings
from gateway.proxy.wire.http import JSON_LINE
from gateway.proxy.wire.openai_errors import RETRY_AFTER_SECONDS, error_body

Stage = Literal["serving", "leaving", "draining", "ending"]
TurnedAway = Literal["full", "late", "draining", "bodies", "descriptors", "key_share", "key_share_bodies"]
"""Why a request was rejected before it was served."""
"""A worker serves; then serves but is not ready; then takes no new requests; then breaks off the rest.
"""

MIN_IN_FLIGHT_TO_SHED = 32
"""With fewer requests in progress a slow event loop rejects none, because they are not its cause."""

LOOK_SECONDS = 0.2
REST_SECONDS = 1.0
"""The interval while no request is in progress, because then none could be rejected."""

LATE_SECONDS = 0.5
IN_A_ROW = 3

MEBIBYTE = 2**20
_TOO_MUCH = "this gateway has as many requests in progress as it can carry: retry later"
_KEY_SHARE = "this key uses its whole share of this gateway: retry when its other requests have ended"


@dataclass(slots=True)
class KeyUsage:
    """What one key uses of a worker: its requests in progress, and the bytes of their large bodies."""

    requests: int = 0
    bytes: int = 0


class Admitted(Protocol):
    """An admitted request, with what it uses until it ends."""

    use: KeyUsage | None
    held: int


@dataclass(slots=True)
class Admission:
    """Counts the requests in progress and those rejected, and decides whether one more may start.

    ``short``: the process is at its limit of open files. ``bodies``: bytes of large request bodies that may be held. No
    key may use more than its share of requests and bodies.
    """

    limit: int
    stage: Stage = "serving"
    in_flight: int = 0
    late: bool = False
    short: bool = False
    refused: dict[TurnedAway, int] = field(default_factory=lambda: dict.fromkeys(get_args(TurnedAway), 0))
    bodies: int = USUAL.max_bodies_mb * MEBIBYTE
    share: float = 1.0
    largest: int = 0
    """Bytes of the largest body, so that one such body always fits."""
    held: int = 0
    keys: dict[str, KeyUsage] = field(default_factory=dict)
    most_of_key: int = field(init=False)
    """How many requests of one key may be in progress."""

    def __post_init__(self) -> None:
        self.most_of_key = max(1, int(self.limit * self.share))

    @classmethod
    def of(cls, settings: WorkerSettings, *, max_body: int) -> "Admission":
        """Make it from a worker's settings. ``max_body``: bytes of the largest body."""
        return cls(
            settings.max_in_flight,
            bodies=max(settings.max_bodies_mb * MEBIBYTE, max_body),
            share=settings.max_share_per_key / 100,
            largest=max_body,
        )

    def claim(self, cycle: Admitted, key_id: str | None) -> None:
        """Count a request for its key; `RateLimited` if the key's share of requests is in progress already.

        A gateway without keys has a single caller, its own machine, which has no limit of this kind.
        """
        if key_id is None or cycle.use is not None:
            return
        use = self.keys.get(key_id) or self.keys.setdefault(key_id, KeyUsage())
        if use.requests >= self.most_of_key:
            self.count("key_share")
            raise RateLimited(_KEY_SHARE, code="key_share_used")
        use.requests += 1
        cycle.use = use

    def hold(self, cycle: Admitted, size: int) -> None:
        """Count bytes of a body that is held until its request ends; `RateLimited` or `Overloaded`.

        A negative ``size`` frees bytes that are held no longer.
        """
        use = cycle.use
        if size > 0 and use is not None and use.bytes + size > max(self.largest, int(self.bodies * self.share)):
            self.count("key_share_bodies")
            raise RateLimited(_KEY_SHARE, code="key_share_used")
        if size > 0 and self.held + size > self.bodies:
            self.count("bodies")
            raise Overloaded(_TOO_MUCH, code="overloaded")
        self.held += size
        cycle.held += size
        if use is not None:
            use.bytes += size

    def release(self, cycle: Admitted) -> None:
        """Free the place of a request that has ended, and what was counted for its key."""
        self.in_flight -= 1
        use, held = cycle.use, cycle.held
        self.held -= held
        if use is not None:
            use.requests -= 1
            use.bytes -= held

    def count(self, reason: TurnedAway) -> None:
        """Count one rejected request."""
        self.refused[reason] += 1

    def refusal(self, *, reserved: bool = False) -> "Refusal | None":
        """Why no other request may start now, or ``None``.

        ``reserved``: its connection uses a descriptor of the reserve.
        """
        if self.stage in ("draining", "ending"):
            return DRAINING
        if reserved or self.short:
            return FILES
        if self.in_flight >= self.limit:
            return FULL
        return EVENT_LOOP_LAG if self.late and self.in_flight >= MIN_IN_FLIGHT_TO_SHED else None

    def broken_off(self, *, client_gone: bool) -> Unavailable | None:
        """The error for the client of a task that was cancelled because the worker ends; the task may then continue.

        ``None`` if the task was cancelled for another reason.
        """
        task = asyncio.current_task()
        if self.stage != "ending" or client_gone or task is None:
            return None
        task.uncancel()
        return stopping("stopped")

    def refuse_if_leaving(self) -> None:
        """Raise `Unavailable` once the worker has to stop; for the readiness check."""
        if self.stage != "serving":
            raise stopping("draining")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason for a rejection, with its response prepared. ``last``: the connection is closed afterwards.

    ``patient``: the request's body is read for a while first.
    """

    reason: TurnedAway
    body: bytes
    lines: tuple[bytes, ...]
    last: bool
    patient: bool


def stopping(code: str) -> Unavailable:
    """The error of a gateway that stops. Another one, or this one after its restart, will serve."""
    return Unavailable("this gateway is stopping: retry on a new connection", code=code)


def _refusal(reason: TurnedAway, error: Unavailable, *, last: bool = False, patient: bool = True) -> Refusal:
    again = b"retry-after: %d\r\n" % RETRY_AFTER_SECONDS, b"x-should-retry: true\r\n"
    return Refusal(reason, error_body(error), (JSON_LINE, *again), last, patient)


DRAINING = _refusal("draining", stopping("draining"), last=True)
_FULL = Overloaded(_TOO_MUCH, code="overloaded")
FULL, EVENT_LOOP_LAG = _refusal("full", _FULL), _refusal("late", _FULL)
FILES = _refusal("descriptors", _FULL, last=True, patient=False)


async def watch_lag(admission: Admission) -> None:
    """Keep ``admission.late`` up to date until cancelled. One measurement in time resets it."""
    loop, late = asyncio.get_running_loop(), 0
    while True:
        seconds = LOOK_SECONDS if admission.in_flight or admission.late else REST_SECONDS
        due = loop.time() + seconds
        await asyncio.sleep(seconds)
        late = late + 1 if loop.time() - due > LATE_SECONDS else 0
        admission.late = late >= IN_A_ROW
