"""Writes a response's head and a stream's events to the client, and keeps a silent stream alive with comments."""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache

from fairtrial.domain.events import Reason
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.plan.endings import REPLACED
from gateway.proxy.recording.outcomes import reason_of, served_name
from gateway.proxy.routing.vote_tokens import VOTE_HEADER, vote_line
from gateway.proxy.stages import Attempt, Authenticated, Routed
from gateway.proxy.wire.http import Headers, NameCache, is_returned, odd_waits

PING = b": ping\n\n"
"""A comment, which the standard provides to keep a connection alive. Clients ignore it."""

_SOONEST = 0.002


_RETURNED = NameCache[str, bytes](lambda name: b"%b: " % name.encode("latin-1") if is_returned(name) else b"")
"""The starts of headers' lines, and ``b""`` for a header that the client does not get."""


def response_lines(routed: Routed, attempts: Sequence[Attempt], upstream: Headers, *, skip: str = "") -> list[bytes]:
    """Header lines of a relayed response. The provider's key is blanked in them.

    They name the variant and the reason only for a key that may see variants.
    """
    known, skipped = _RETURNED.get, (skip, *odd_waits(upstream))
    lines = [
        begin + value + b"\r\n"
        for name, value in upstream.raw.items()
        if name not in skipped and ((begin := known(name)) or (begin is None and (begin := _RETURNED.find(name))))
    ]
    secret = attempts[-1].arm.endpoint.secret
    if secret is not None and secret.found_in(b"".join(lines)):
        lines = [secret.blank(line) for line in lines]
    lines.append(b"x-request-id: %b\r\n" % routed.received.request_id.encode())
    own = own_lines(routed, attempts)
    if routed.routing.endings.deployments and any(line.startswith(REPLACED) for line in own):
        lines = [line for line in lines if not line.startswith(REPLACED)]
    lines += own
    return lines


def without_retry(lines: list[bytes]) -> list[bytes]:
    """The lines of an error that the client need not try again, because the gateway has."""
    return [*(line for line in lines if not line.startswith(b"x-should-retry:")), b"x-should-retry: false\r\n"]


def own_lines(request: Authenticated, attempts: Sequence[Attempt]) -> Sequence[bytes]:
    """What the gateway itself says: who serves and why, when the deployment ends, and the token for a vote."""
    lines = _experiment_lines(request, attempts)
    if VOTE_HEADER in request.received.headers.raw and isinstance(request, Routed):
        lines = (*lines, vote_line(request))
    if not (isinstance(request, Routed) and request.routing.endings.deployments):
        return lines
    endings, target = request.routing.endings, request.target
    if target.experiment is not None and "see_variant" not in request.caller.rights:
        return (*lines, *endings.experiments.get(target.experiment.name, ()))
    endpoint = attempts[-1].arm.endpoint if attempts else target.arm.endpoint
    return (*lines, *endings.deployments.get(endpoint.name, ()))


def _experiment_lines(request: Authenticated, attempts: Sequence[Attempt]) -> Sequence[bytes]:
    """The experiment, the variant that serves, and why, if the key may see them.

    Without enrolment the variant is not named, because the request is outside the experiment.
    """
    if "see_variant" not in request.caller.rights:
        return ()
    target = request.target if isinstance(request, Routed) else None
    reason = reason_of(target, attempts)
    served = attempts[-1].arm.endpoint.name if attempts else None
    if target is None or target.experiment is None:
        return _lines(None, None, reason, served)
    outside = target.assignment is not None and not target.assignment.enrolled
    return _lines(target.experiment.name, None if outside else served_name(target, attempts), reason, served)


@lru_cache(maxsize=1024)
def _lines(experiment: str | None, variant: str | None, reason: Reason, served: str | None) -> Sequence[bytes]:
    """The lines for one combination, which a plan has few of. ``served``: the deployment that was called last."""
    named = (("experiment", experiment), ("variant", variant), ("reason", reason), ("served", served))
    return tuple(b"x-fairtrial-%b: %b\r\n" % (name.encode(), value.encode()) for name, value in named if value)


class StreamWriter:
    """Writes one stream. A client that waits for the first byte gets the head, then comments.

    Only whole events are sent, so that a comment can follow at any time. One lazy timer serves the whole stream: each
    piece only sets ``last``, and the timer compares it with the time when it fires.
    """

    __slots__ = (
        "_early_head", "_ends", "_heartbeat", "_idle", "_limit", "_loop", "_timer", "client",
        "last", "opened", "sending",
    )  # fmt: skip

    def __init__(
        self, client: RequestCycle, *, heartbeat: float, early_head: Callable[[], tuple[int, Sequence[bytes]] | None]
    ) -> None:
        """``heartbeat``: seconds of silence before a comment, or 0; ``early_head``: the head before a response."""
        self._loop = asyncio.get_running_loop()
        self.client = client
        self._heartbeat = heartbeat
        self._early_head = early_head
        self._limit: asyncio.Timeout | None = None
        self._idle = self._ends = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.last = self._loop.time()
        self.opened = False
        self.sending = False
        """Whether the client is awaited, and not the upstream."""
        if heartbeat:
            self._timer = self._loop.call_later(heartbeat, self._on_timer)

    def open(self, status: int, lines: Sequence[bytes]) -> None:
        """Send the head, unless a comment had to be sent first."""
        if not self.opened:
            self.opened = True
            self.client.begin(status, lines)

    async def send(self, events: bytes) -> None:
        """Send whole events. Waits while the client does not read."""
        self.sending, self.last = True, self._loop.time()
        if self.client.connection.full:
            await self.client.connection.drain()
        self.client.write_chunk(events)
        self.sending, self.last = False, self._loop.time()

    def push(self, events: bytes) -> bool:
        """Send whole events without waiting. False if nothing was sent because the client does not read."""
        if self.client.connection.full:
            return False
        self.client.write_chunk(events)
        self.last = self._loop.time()
        return True

    def end(self, events: bytes) -> None:
        """Send the last events and end the answer."""
        self.stop()
        self.client.end(events)

    def set_timeouts(self, limit: asyncio.Timeout, *, idle: float, left: float) -> None:
        """Let ``limit`` expire after ``idle`` seconds without progress, or after ``left`` seconds in all."""
        self._limit, self._idle, self._ends = limit, idle, self._loop.time() + left
        self.last = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(max(_SOONEST, min(idle, left, self._heartbeat or idle)), self._on_timer)

    def stop_heartbeat(self) -> None:
        """Send no more comments."""
        self._heartbeat = 0.0

    def stop(self) -> None:
        """Send no more comments, and let no limit expire."""
        self._limit = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        now, due = self._loop.time(), []
        if self._limit is not None:
            stalls = min(self.last + self._idle, self._ends)
            if now >= stalls:
                self._limit.reschedule(now)
                return
            due.append(stalls)
        if self._heartbeat:
            if not self.sending and now >= self.last + self._heartbeat:
                self._ping()
                due.append(now + self._heartbeat)
            else:
                due.append((now if self.sending else self.last) + self._heartbeat)
        self._timer = self._loop.call_at(max(min(due), now + _SOONEST), self._on_timer)

    def _ping(self) -> None:
        if self.client.connection.full:
            return
        if not self.opened:
            head = self._early_head()
            if head is None:
                return
            self.open(*head)
        self.client.write_chunk(PING)
