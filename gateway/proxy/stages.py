"""Defines the values that one request passes through: each step makes the next value from the one before it."""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from fairtrial.domain.errors import RequestError
from fairtrial.domain.events import Purpose, RequestOutcome
from fairtrial.domain.names.ids import fresh_id
from fairtrial.domain.settings import BreakerState
from gateway.proxy.extraction.chat_metadata import NOTHING, ResponseMetadata
from gateway.proxy.plan.routing_table import Arm, GatewayCaller, RouteTarget, Routing
from gateway.proxy.wire.http import Headers
from gateway.proxy.wire.json_bodies import RequestBody

CLIENT_CLOSED = 499
"""The recorded status of a request whose client left before any status was sent (nginx's convention)."""


class Received(msgspec.Struct, frozen=True):
    """A request whose head has arrived. ``started`` is a `time.perf_counter` time, in seconds."""

    request_id: str
    endpoint: str
    headers: Headers
    query: bytes
    at_us: int
    started: float

    @classmethod
    def now(cls, endpoint: str, headers: Headers, *, query: bytes = b"") -> "Received":
        """Name and time a new request."""
        now = time.time_ns()
        return cls(fresh_id(now // 1_000_000), endpoint, headers, query, now // 1000, time.perf_counter())

    @property
    def retry_ordinal(self) -> int:
        """Which try of the official client this is, counted from 0."""
        count = self.headers.raw.get("x-stainless-retry-count")
        return int(count) if count is not None and count.isdigit() and len(count) < 4 else 0


class Authenticated(msgspec.Struct, frozen=True):
    """A request with its caller, and with the routing that it is resolved against.

    It is recorded however it ends, because its caller is known.
    """

    received: Received
    routing: Routing
    caller: GatewayCaller


class Parsed(Authenticated, frozen=True):
    """An authenticated request with its body."""

    body: RequestBody


class Routed(Parsed, frozen=True):
    """A request and the target that serves it."""

    target: RouteTarget


class AnswerContent(msgspec.Struct, frozen=True):
    """What was read of an answer. ``unread``: the answer, or one of its events, is nested too deeply to decode.

    ``is_json``: whether the body was decoded, so that it needs no check before it is recorded.
    """

    metadata: ResponseMetadata = NOTHING
    body: bytes | None = None
    unread: bool = False
    is_json: bool = False


NO_CONTENT = AnswerContent()


class Attempt(msgspec.Struct, eq=False):
    """One upstream call so far. Times are `time.perf_counter` times, in seconds. ``permit``: see `Breaker`.

    ``discarded``: what an answer says of itself that was held and not sent on.
    """

    ordinal: int
    purpose: Purpose
    arm: Arm
    permit: int
    at_us: int
    started: float
    first_byte: float | None = None
    ended: float | None = None
    status: int | None = None
    head: Headers | None = None
    failure: RequestError | None = None
    discarded: ResponseMetadata = NOTHING

    def fail(self, error: RequestError) -> None:
        """End the attempt now, with this error."""
        self.failure, self.ended = error, time.perf_counter()


HeldBytes = Callable[[int], None]
"""Counts bytes of an answer that is held in the worker's budget for bodies, or frees them if it is negative."""
Hold = Callable[[Callable[[], None]], Callable[[], None]]
"""Holds what is written to a client until its record is written, see `ClientConnection.hold`."""


class RequestProgress(msgspec.Struct, eq=False):
    """What has happened to a request so far. ``status`` is what the client was sent; ``task`` serves the request.

    ``schema_valid``: whether the answer follows the schema that was asked for; ``None`` is unknown. Without ``hold``
    the record is written at once. ``outcome``: how it ended, once it is known. ``breaker``: the state in which the
    request met its arm's breaker. ``kept_away``: an open breaker or a rest kept it from the arm. ``spent``: several
    calls failed, so that the client need not try again. ``probe``: makes the ``probes``, calls beside the fallback that
    find out whether the arm answers again.
    """

    task: asyncio.Task[None]
    attempts: list[Attempt] = []
    status: int = CLIENT_CLOSED
    content: AnswerContent = NO_CONTENT
    client_gone: bool = False
    outcome: RequestOutcome | None = None
    breaker: BreakerState | None = None
    kept_away: bool = False
    schema_valid: bool | None = None
    spent: bool = False
    probe: asyncio.Task[None] | None = None
    probes: Sequence[Attempt] = ()
    hold: Hold | None = None
    held_bytes: HeldBytes = lambda _: None

    @property
    def recorded(self) -> bool:
        return self.outcome is not None

    def begin_attempt(self, arm: Arm, purpose: Purpose, permit: int) -> Attempt:
        """Note a new upstream call that begins now."""
        attempt = Attempt(len(self.attempts), purpose, arm, permit, time.time_ns() // 1000, time.perf_counter())
        self.attempts.append(attempt)
        return attempt

    def answered(
        self, request: Authenticated, outcome: RequestOutcome, error: RequestError | None = None
    ) -> "AnsweredRequest":
        """The request as it ends now."""
        attempts, now = self.attempts, time.perf_counter()
        return AnsweredRequest(
            request,
            request.body if isinstance(request, Parsed) else None,
            request.target if isinstance(request, Routed) else None,
            attempts,
            attempts[-1] if attempts else None,
            self.status,
            self.content,
            outcome,
            error,
            now,
            self.schema_valid,
            self.breaker,
            self.kept_away,
        )

    def with_probes(self, answered: "AnsweredRequest") -> "AnsweredRequest":
        """The same with the probes that have a result, before the request's own calls."""
        ended = [probe for probe in self.probes if probe.ended is not None]
        return msgspec.structs.replace(answered, attempts=[*ended, *answered.attempts])

    def on_disconnect(self) -> None:
        """Cancel the serving task, and with it the upstream call, because the client has disconnected.

        A deployment with ``on_disconnect: drain`` continues without a client, until the answer ends or
        ``drain_seconds`` are over, so that the provider's own usage is recorded. No fallback starts for a client that
        has left.
        """
        self.client_gone = True
        deployment = self.attempts[-1].arm.endpoint.deployment if self.attempts else None
        if deployment is not None and deployment.on_disconnect == "drain":
            asyncio.get_running_loop().call_later(deployment.drain_seconds, self.task.cancel)
        else:
            self.task.cancel()

    def release_errors(self) -> None:
        """Drop the errors of all attempts once the request is over, and its probe with it.

        A traceback refers to frames, and they refer to this object. Only a garbage collection would free such a cycle,
        and a worker makes few of them.
        """
        if self.probe is None:
            self._drop_errors()
        else:  # after what waits for the probe as well, such as the record
            self.probe.add_done_callback(lambda _: self._drop_errors())

    def _drop_errors(self) -> None:
        for attempt in self.attempts:
            attempt.failure = None
        for probe in self.probes:
            probe.failure = None


class AnsweredRequest(msgspec.Struct, frozen=True):
    """A request that has ended, with an answer or with an error: everything that its record says.

    ``body``: unless it was refused before its body was read; ``target``: unless it was refused before it was resolved.
    ``last``: the last call of the request itself. A probe beside it is an attempt, but never the last call.
    """

    request: Authenticated
    body: RequestBody | None
    target: RouteTarget | None
    attempts: Sequence[Attempt]
    last: Attempt | None
    status: int
    content: AnswerContent
    outcome: RequestOutcome
    error: RequestError | None
    ended: float
    schema_valid: bool | None = None
    breaker: BreakerState | None = None
    kept_away: bool = False

    @property
    def read(self) -> ResponseMetadata:
        """What the answer says of itself."""
        return self.content.metadata
