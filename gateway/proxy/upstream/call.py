"""Calls one upstream: headers and body are rewritten and sent, and the first byte is awaited."""

import asyncio
import math
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from fairtrial.domain.errors import BadRequest, RequestError, UpstreamError, UpstreamTimeout
from fairtrial.domain.events import Purpose
from fairtrial.domain.limits.constants import CHAT_COMPLETIONS, RESPONSES
from gateway.proxy.plan.routing_table import Arm, Endpoint
from gateway.proxy.routing.continuation import RESPONSES_ENDPOINTS
from gateway.proxy.stages import Attempt, RequestProgress, Routed
from gateway.proxy.transport.transport import (
    TranslatedRequest,
    Translation,
    Transport,
    TransportError,
    UpstreamRequest,
    UpstreamResponse,
    too_large,
)
from gateway.proxy.upstream.breaking import note_error, note_start
from gateway.proxy.upstream.request_rewrite import refuse_without_key, upstream_body, upstream_headers

STREAM_TYPE, JSON_TYPE = b"text/event-stream", b"application/json"
METERED = frozenset({CHAT_COMPLETIONS, "/completions"})
STREAMED = METERED | {RESPONSES}
FIRST_REDIRECT, FIRST_ERROR = 300, 400
_SOONEST = 0.001
LONG_SILENCE = 2.0
"""Seconds without a byte after which a broken connection was a stall: the same server would probably stall again."""
Sending = Awaitable[UpstreamResponse]
Failing = TypeVar("Failing", bound=BaseException)


class StartedResponse(msgspec.Struct, frozen=True):
    """A response that has started: its head, and the first piece of its body (empty if the body is)."""

    upstream: UpstreamResponse
    first: bytes
    attempt: Attempt
    strip_usage: bool
    stream_requested: bool

    @property
    def streams(self) -> bool:
        """Whether it is a stream: by its content type, or because one was requested and the type is not JSON."""
        declared = self.upstream.headers.raw.get("content-type", b"")
        if declared == JSON_TYPE:
            return False
        kind = declared.partition(b";")[0].strip().lower()
        return kind == STREAM_TYPE or (
            self.stream_requested and self.upstream.status < FIRST_ERROR and not kind.endswith(b"json")
        )

    @property
    def endpoint(self) -> Endpoint:
        return self.attempt.arm.endpoint


class TimeLimit:
    """``with TimeLimit(seconds):`` cancels the current task after that time and raises `TimeoutError` instead.

    It is `asyncio.timeout` at a small part of its cost, because all limits of a loop share one timer.
    """

    __slots__ = ("_cancels", "_expired", "_task", "_timers", "ends")

    def __init__(self, seconds: float, task: asyncio.Task[None] | None = None) -> None:
        """``task``: the current task, if it is known."""
        current = task or asyncio.current_task()
        assert current is not None
        self._task: asyncio.Task[Any] = current
        self._cancels = current.cancelling()
        self._expired = False
        self._timers = timers = _timers_of(current.get_loop())
        self.ends = timers.loop.time() + seconds
        timers.limits[self] = None
        if self.ends < timers.due:
            timers.set(self.ends)

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timers.limits.pop(self, None)
        ours = self._expired and self._task.uncancel() <= self._cancels
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def expire(self) -> None:
        self._expired = True
        self._task.cancel()


class _Timers:
    """The limits of one loop, with a timer that fires when the first of them ends, or earlier."""

    __slots__ = ("_timer", "due", "limits", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self.limits: dict[TimeLimit, None] = {}

    def set(self, due: float) -> None:
        """Have the timer fire at that time of the loop."""
        if self._timer is not None:
            self._timer.cancel()
        self.due, self._timer = due, self.loop.call_at(due, self._on_time)

    def _on_time(self) -> None:
        now = self.loop.time()
        for limit in [limit for limit in self.limits if limit.ends <= now]:
            del self.limits[limit]
            limit.expire()
        self.due, self._timer = math.inf, None
        if self.limits:
            self.set(max(min(limit.ends for limit in self.limits), now + _SOONEST))


_timers_of = lru_cache(maxsize=1)(_Timers)


@dataclass(frozen=True, slots=True)
class UpstreamCalls:
    """The two ways to the servers of models: OpenAI's protocol directly, any other one by translation."""

    transport: Transport
    translation: Translation

    async def call(
        self, routed: Routed, progress: RequestProgress, arm: Arm, purpose: Purpose, permit: int, *, seconds: float
    ) -> StartedResponse:
        """Send the request to an arm and wait ``seconds`` for the first byte; `UpstreamError` or `UpstreamTimeout`.

        This is one new attempt, or two if the transport had to send the request a second time.
        """
        attempt = progress.begin_attempt(arm, purpose, permit)
        endpoint, request = routed.received.endpoint, routed.body
        breaker = arm.endpoint.health.breakers[endpoint]
        breaker.tries.add(attempt.started)
        meter = request.stream and endpoint in METERED and not request.wants_usage and arm.endpoint.asks_usage
        try:
            refuse_without_key(arm.endpoint)
            body = upstream_body(request, arm, meter=meter, responses=endpoint in RESPONSES_ENDPOINTS)
            if arm.endpoint.translated:
                sending = await self._translate(routed, arm, body)
            else:
                sending = self.transport.send(_request(routed, progress, arm, body))
            with TimeLimit(seconds, progress.task):
                upstream = await sending
                attempt = progress.attempts[-1]
                attempt.status, attempt.head = upstream.status, upstream.headers
                try:
                    first = await upstream.read()
                except BaseException:
                    upstream.release()
                    raise
            attempt.first_byte = time.perf_counter()
        except TransportError as error:
            raise _failed_start(routed, progress, failure(arm.endpoint, error)) from error
        except TimeoutError:
            message = f"{arm.endpoint.name}: no answer began within {seconds:g} s"
            raise _failed_start(routed, progress, UpstreamTimeout(message, code="upstream_timeout")) from None
        except BaseException as error:
            _failed_start(routed, progress, error)
            raise
        stream = request.stream and endpoint in STREAMED
        response = StartedResponse(upstream, first, attempt, meter, stream)
        if upstream.status >= FIRST_REDIRECT or not breaker.calm:
            note_start(routed, attempt)
        return response

    async def _translate(self, routed: Routed, arm: Arm, body: bytes) -> Sending:
        """Send the body in another protocol. The provider's time begins only once the translation is ready."""
        endpoint = routed.received.endpoint
        if endpoint != CHAT_COMPLETIONS:
            raise BadRequest(
                f"{endpoint}: {arm.endpoint.name} is reached by translation, which serves only {CHAT_COMPLETIONS}",
                code="endpoint_not_served",
            )
        await self.translation.ready()
        return self.translation.send(_translated(routed, arm, body))


def _failed_start(routed: Routed, progress: RequestProgress, error: Failing) -> Failing:
    """The error itself, once the attempt has ended with it and the deployment's breaker has noted it."""
    attempt = progress.attempts[-1]
    if isinstance(error, RequestError):
        attempt.fail(error)
    note_error(routed, attempt, error)
    return error


async def next_piece(response: StartedResponse, *, started: float, fallback: bool = False) -> bytes:
    """The next piece of a response, ``b""`` at its end; `UpstreamTimeout` after the idle time or the total time.

    ``started``: when the request began. ``fallback``: another server can be asked, so that a silence that is too long
    for a failover ends the response, and one that a broken connection ends is a stall.
    """
    limits, began = response.endpoint.deployment.timeouts, time.perf_counter()
    silence = min(limits.idle, limits.failover) if fallback else limits.idle
    try:
        with TimeLimit(min(silence, started + limits.total - began)):
            return await response.upstream.read()
    except TransportError as error:
        if fallback and time.perf_counter() - began >= LONG_SILENCE:
            raise stalled(response) from error
        raise broken_off(response, error) from error
    except TimeoutError:
        raise stalled(response) from None


def broken_off(response: StartedResponse, error: TransportError) -> UpstreamError:
    """The error of a response whose connection broke before its end."""
    return _failed(response, failure(response.endpoint, error))


def stalled(response: StartedResponse) -> UpstreamError:
    """The error of a response that sent nothing for the deployment's idle time, or that took too long in all."""
    message = f"{response.endpoint.name}: stalled in the middle of its answer"
    return _failed(response, UpstreamTimeout(message, code="upstream_stalled"))


def unreadable(response: StartedResponse) -> UpstreamError:
    """The error of a stream with an event that is not JSON."""
    message = f"{response.endpoint.name}: sent an event that is not JSON"
    return _failed(response, UpstreamError(message, code="upstream_bad_answer"))


def broken_answer(response: StartedResponse, why: str) -> UpstreamError:
    """The error of a whole answer that can't be used."""
    return _failed(response, UpstreamError(f"{response.endpoint.name}: {why}", code="upstream_incomplete"))


def overflow(response: StartedResponse, limit: int) -> UpstreamError:
    """The error of a response that is larger than what may be held in memory."""
    return _failed(response, failure(response.endpoint, too_large(limit)))


def _failed(response: StartedResponse, error: UpstreamError) -> UpstreamError:
    response.attempt.fail(error)
    return error


def failure(endpoint: Endpoint, error: TransportError) -> UpstreamError:
    """The client's error for a failed connection."""
    if error.kind == "timeout":
        return UpstreamTimeout(f"{endpoint.name}: {error}", code="upstream_timeout")
    return UpstreamError(f"{endpoint.name}: {error}", code=f"upstream_{error.kind}")


def _request(routed: Routed, progress: RequestProgress, arm: Arm, body: bytes) -> UpstreamRequest:
    received, deployment = routed.received, arm.endpoint.deployment
    url = arm.endpoint.url + received.endpoint
    unit_headers = routed.routing.published.unit_headers
    headers = upstream_headers(received.headers, arm.endpoint, received.request_id, unit_headers=unit_headers)
    headers.raw["content-type"] = b"application/json"
    return UpstreamRequest(
        url=f"{url}?{received.query.decode('latin-1')}" if received.query else url,
        headers=headers,
        body=body,
        connect_seconds=deployment.timeouts.connect,
        on_resend=partial(_resent, progress),
    )


def _resent(progress: RequestProgress, error: TransportError) -> None:
    """The transport sends the request again, so the first time was an attempt that failed."""
    attempt = progress.attempts[-1]
    attempt.fail(failure(attempt.arm.endpoint, error))
    progress.begin_attempt(attempt.arm, "retry", attempt.permit)


def _translated(routed: Routed, arm: Arm, body: bytes) -> TranslatedRequest:
    deployment = arm.endpoint.deployment
    return TranslatedRequest(
        name=deployment.name,
        provider=deployment.provider,
        model=deployment.model,
        base_url=deployment.base_url,
        api_key=arm.endpoint.api_key,
        body=body,
        stream=routed.body.stream,
        seconds=deployment.timeouts.total,
    )
