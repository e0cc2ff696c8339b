"""Serves one request for a model from its head to its last byte: the steps of the hot path, in the order of the calls.

`Received -> Authenticated -> Parsed -> Routed -> Answered`: each step makes the next value, see `stages`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from functools import partial

from fairtrial.domain.errors import Overloaded, RateLimited, RequestError, UpstreamError
from fairtrial.domain.limits.constants import RESPONSES
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_reader import read_body
from gateway.proxy.recording.capture import NO_BODIES
from gateway.proxy.recording.record import Recorder
from gateway.proxy.response.client_writer import StreamWriter, own_lines, without_retry
from gateway.proxy.response.stream import StreamRelay, stream_writer
from gateway.proxy.response.whole import relay_late, relay_whole
from gateway.proxy.routing.authentication import authenticate
from gateway.proxy.routing.continuation import RESPONSES_ENDPOINTS, route_continuation
from gateway.proxy.routing.resolve import refuse_control_characters, resolve
from gateway.proxy.routing.vote_tokens import VOTE_HEADER, require_votable
from gateway.proxy.shadowing import Shadows
from gateway.proxy.stages import CLIENT_CLOSED, NO_CONTENT, Authenticated, Parsed, Received, RequestProgress, Routed
from gateway.proxy.upstream.call import FIRST_ERROR, STREAMED, StartedResponse, UpstreamCalls
from gateway.proxy.upstream.failover import Upstreams
from gateway.proxy.wire.http import ClientGone, lines_of
from gateway.proxy.wire.json_bodies import parse_body, require_json
from gateway.proxy.wire.openai_errors import error_body, error_event, error_headers
from gateway.proxy.worker_state import WorkerState

CONNECTION_RESET = "upstream_reset"
"""The code of a request that the upstream may have read, so the gateway does not repeat it (RFC 9110 §9.2.2).

A model's answer can safely be requested again, so the client should retry. The header ``x-stainless-retry-count``
counts its retries.
"""

MANY = 2
"""From so many requests in progress on, small answers wait for the records of others, which then cost less."""

REDIRECTS = range(300, 400)
Stage = Received | Authenticated

_LOG = logging.getLogger(__name__)


class Pipeline:
    """Serves the requests for models of one worker."""

    def __init__(self, worker: WorkerState) -> None:
        self._watch, self._admission, self._proxies = worker.watch, worker.admission, worker.proxies
        self._counters, self._response_map = worker.counters, worker.response_map
        self._max_body, self._heartbeat = worker.max_body, worker.settings.keepalive
        calls = UpstreamCalls(worker.transport, worker.translation)
        self._upstreams, self._shadows = Upstreams(calls, worker.probes), Shadows(worker, calls)
        self._recorder = Recorder(worker.name, worker.journal, worker.response_map, worker.counters, worker.time_slicer)

    async def complete(self, endpoint: str, cycle: RequestCycle, query: bytes) -> None:
        """Serve one request; ``endpoint`` is the path below ``/v1``, which is the same on the upstream."""
        stage: Stage
        stage = received = Received.now(endpoint, cycle.headers, query=query)
        assert cycle.task is not None
        progress = RequestProgress(cycle.task)
        try:
            stage = authenticated = self._authenticate(received, cycle)
            self._check_head(authenticated, cycle)
            if not cycle.more and cycle.unread <= self._max_body:  # it has arrived with the head, as most have
                raw = cycle.read_available()
            else:
                raw = await read_body(cycle, self._admission, limit=self._max_body)
            stage = parsed = Parsed(received, authenticated.routing, authenticated.caller, parse_body(raw))
            stage = routed = self._route(parsed)
            await self._answer(routed, progress, cycle)
        except ClientGone:
            self._record_departure(stage, progress)
        except asyncio.CancelledError:
            stopped = self._admission.broken_off(client_gone=progress.client_gone)
            if stopped is not None and progress.status == CLIENT_CLOSED:
                return self._refuse(stage, progress, stopped, cycle)
            self._record_departure(stage, progress)
            if not progress.client_gone:
                raise
            progress.task.uncancel()
        except (Overloaded, RateLimited) as error:
            _send_error(cycle, error, stage, progress)
        except RequestError as error:
            if progress.client_gone:
                self._record_departure(stage, progress, error)
            else:
                self._refuse(stage, progress, error, cycle)
        except Exception:  # a defect of the gateway is one failed request, with OpenAI's envelope
            _LOG.exception("request %s failed", received.request_id)
            failed = RequestError("the gateway failed", code="gateway_failed")
            if progress.status != CLIENT_CLOSED and cycle.started:
                self._record_failure(stage, progress, failed)
                raise  # the response has started: the server closes the connection, so the client sees the break
            self._refuse(stage, progress, failed, cycle)
        finally:
            if progress.outcome is not None and type(stage) is Routed and stage.routing.shadows:
                self._shadows.offer(stage, progress)
            progress.release_errors()

    def _authenticate(self, received: Received, cycle: RequestCycle) -> Authenticated:
        routing = self._watch.routing or self._watch.current()  # raises if there is no plan yet
        caller = authenticate(routing, received.headers, cycle, proxies=self._proxies, now_us=received.at_us)
        caller.require("complete")
        return Authenticated(received, routing, caller)

    def _check_head(self, request: Authenticated, cycle: RequestCycle) -> None:
        self._admission.claim(cycle, request.caller.key_id)
        refuse_control_characters(request.received.headers, request.routing.published.unit_headers)
        require_json(request.received.headers)
        if VOTE_HEADER in request.received.headers.raw:
            require_votable(request)

    def _route(self, parsed: Parsed) -> Routed:
        received, routing, caller, body = parsed.received, parsed.routing, parsed.caller, parsed.body
        target = resolve(routing, caller, body, received.headers, received.request_id)
        if received.endpoint in RESPONSES_ENDPOINTS:
            target = route_continuation(self._response_map, parsed, target)
        return Routed(received, routing, caller, body, target)

    async def _answer(self, routed: Routed, progress: RequestProgress, cycle: RequestCycle) -> None:
        """Get a response and send it; `RequestError` only while nothing was sent.

        A failure after the head of a stream was sent becomes an error event.
        """
        if cycle.gone:
            raise ClientGone
        cycle.on_gone = progress.on_disconnect
        progress.held_bytes = partial(self._admission.hold, cycle)
        writer = None
        if routed.body.stream and routed.received.endpoint in STREAMED:
            writer = stream_writer(routed, progress, cycle, heartbeat=self._heartbeat)
        try:
            response = await self._upstreams.start(routed, progress)
            try:
                await self._relay(routed, progress, response, cycle, writer)
            finally:
                response.upstream.release()
        except (RequestError, asyncio.CancelledError) as cause:
            if writer is None or not self._end_with_error_event(routed, progress, writer, cause):
                raise
        finally:
            cycle.on_gone = None
            if writer is not None:
                writer.stop()

    def _end_with_error_event(
        self,
        routed: Routed,
        progress: RequestProgress,
        writer: StreamWriter,
        cause: RequestError | asyncio.CancelledError,
    ) -> bool:
        """Whether a stream that failed could be ended with an error event: only after its head, to a present client."""
        stopped = self._admission.broken_off(client_gone=progress.client_gone)
        error = cause if isinstance(cause, RequestError) else stopped
        if error is None or not writer.opened or progress.client_gone:
            return False
        self._counters.refused += 1
        self._recorder.record(routed, progress, "error" if error is cause else "partial", error)
        writer.end(error_event(error, number=0 if routed.received.endpoint == RESPONSES else None))
        return True

    def _relay(
        self,
        routed: Routed,
        progress: RequestProgress,
        response: StartedResponse,
        cycle: RequestCycle,
        writer: StreamWriter | None,
    ) -> Awaitable[None]:
        """Relay a response in the way that its kind needs. ``writer``: of a request for a stream."""
        status = response.upstream.status
        if status in REDIRECTS:
            message = f"{response.endpoint.name}: answered with a redirect, which is not followed"
            raise UpstreamError(message, code="upstream_redirect")
        if status < FIRST_ERROR and response.streams:
            writer = writer or stream_writer(routed, progress, cycle, heartbeat=0)
            return StreamRelay(self._recorder, routed, progress, response, writer).run()
        if writer is not None and writer.opened:
            return relay_late(self._recorder, routed, progress, response, writer)
        if writer is not None:
            writer.stop()
        if self._admission.in_flight >= MANY:
            progress.hold = cycle.connection.hold
        return relay_whole(self._recorder, routed, progress, response, cycle)

    def _record_departure(self, stage: Stage, progress: RequestProgress, error: RequestError | None = None) -> None:
        """Record that the client left before its answer was complete."""
        if progress.attempts and progress.attempts[-1].ended is None:
            progress.attempts[-1].ended = time.perf_counter()
        if not isinstance(stage, Received):
            self._recorder.record(stage, progress, "cancelled", error)

    def _record_failure(self, stage: Stage, progress: RequestProgress, error: RequestError) -> None:
        """Record a response that breaks off because of a defect, with as little as that needs."""
        if not isinstance(stage, Received):
            progress.content, progress.hold = NO_CONTENT, None
            self._recorder.record(stage, progress, "error", error, bodies=NO_BODIES)

    def _refuse(self, stage: Stage, progress: RequestProgress, error: RequestError, cycle: RequestCycle) -> None:
        progress.status = error.status
        self._counters.refused += 1
        if not isinstance(stage, Received):
            self._recorder.record(stage, progress, "error", error)
        _send_error(cycle, error, stage, progress)


def _send_error(cycle: RequestCycle, error: RequestError, stage: Stage, progress: RequestProgress) -> None:
    lines = lines_of(error_headers(error, (stage if isinstance(stage, Received) else stage.received).request_id))
    if not isinstance(stage, Received) and progress.recorded:
        lines += own_lines(stage, progress.attempts)
    if progress.spent:
        lines = without_retry(lines)
    elif error.code == CONNECTION_RESET:
        lines.append(b"x-should-retry: true\r\n")
    cycle.answer(error.status, lines, error_body(error))
