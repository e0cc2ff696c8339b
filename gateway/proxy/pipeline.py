"""Serves one request for a model from its head to its last byte: the steps of the hot path, in the order of the calls.

`Received -> Authenticated -> Parsed -> Routed -> Answered`: each step makes the next value, see `stages`.
"""

import asyncio
import logging
import time
from functools import partial

from fairtrial.domain.errors import Overloaded, RateLimited, RequestError, UpstreamError
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_reader import read_body
from gateway.proxy.recording.capture import NO_BODIES
from gateway.proxy.recording.record import Recorder
from gateway.proxy.response.client_writer import StreamWriter, experiment_lines, without_retry
from gateway.proxy.response.stream import StreamRelay, stream_writer
from gateway.proxy.response.whole import relay_late, relay_whole
from gateway.proxy.routing.authentication import authenticate
from gateway.proxy.routing.continuation import RESPONSES, RESPONSES_ENDPOINTS, route_continuation
from gateway.proxy.routing.resolve import refuse_control_characters, resolve
from gateway.proxy.stages import CLIENT_CLOSED, NO_CONTENT, Authenticated, Parsed, Progress, Received, Routed
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
        self._upstreams = Upstreams(UpstreamCalls(worker.transport, worker.translation), worker.probes)
        self._recorder = Recorder(worker.name, worker.journal, worker.response_map, worker.counters, worker.time_slicer)

    async def complete(self, endpoint: str, cycle: RequestCycle, query: bytes) -> None:
        """Serve one request; ``endpoint`` is the path below ``/v1``, which is the same on the upstream."""
        stage: Stage
        stage = received = Received.now(endpoint, cycle.headers, query=query)
        assert cycle.task is not None
        progress = Progress(cycle.task)
        try:
            stage = self._authenticate(received, cycle)
            stage = await self._parse(stage, cycle)
            stage = self._route(stage)
            await self._answer(stage, progress, cycle)
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
            progress.release_errors()

    def _authenticate(self, received: Received, cycle: RequestCycle) -> Authenticated:
        routing = self._watch.routing or self._watch.current()  # raises if there is no plan yet
        caller = authenticate(routing, received.headers, cycle, proxies=self._proxies, now_us=received.at_us)
        caller.require("complete")
        return Authenticated(received, routing, caller)

    async def _parse(self, request: Authenticated, cycle: RequestCycle) -> Parsed:
        self._admission.claim(cycle, request.caller.key_id)
        refuse_control_characters(request.received.headers)
        require_json(request.received.headers)
        if not cycle.more and cycle.unread <= self._max_body:  # it has arrived with the head, as most have
            raw = cycle.read_available()
        else:
            raw = await read_body(cycle, self._admission, limit=self._max_body)
        return Parsed(request.received, request.routing, request.caller, parse_body(raw))

    def _route(self, parsed: Parsed) -> Routed:
        received, routing, caller, body = parsed.received, parsed.routing, parsed.caller, parsed.body
        target = resolve(routing, caller, body, received.headers, received.request_id)
        if received.endpoint in RESPONSES_ENDPOINTS:
            target = route_continuation(self._response_map, parsed, target)
        return Routed(received, routing, caller, body, target)

    async def _answer(self, routed: Routed, progress: Progress, cycle: RequestCycle) -> None:
        """Get a response and send it; `RequestError` only while nothing was sent."""
        if cycle.gone:
            raise ClientGone
        cycle.on_gone = partial(on_client_disconnect, progress)
        try:
            if routed.body.stream and routed.received.endpoint in STREAMED:
                await self._answer_stream(routed, progress, cycle)
            else:
                await self._relay(routed, progress, cycle, None)
        finally:
            cycle.on_gone = None

    async def _answer_stream(self, routed: Routed, progress: Progress, cycle: RequestCycle) -> None:
        """Answer a request for a stream. A failure after the head was sent becomes an error event."""
        writer = stream_writer(routed, progress, cycle, heartbeat=self._heartbeat)
        try:
            await self._relay(routed, progress, cycle, writer)
        except (RequestError, asyncio.CancelledError) as cause:
            if not self._end_with_error_event(routed, progress, writer, cause):
                raise
        finally:
            writer.stop()

    def _end_with_error_event(
        self, routed: Routed, progress: Progress, writer: StreamWriter, cause: RequestError | asyncio.CancelledError
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

    async def _relay(
        self, routed: Routed, progress: Progress, cycle: RequestCycle, writer: StreamWriter | None
    ) -> None:
        """Call the upstream and relay its response. ``writer``: of a request for a stream."""
        response = await self._upstreams.start(routed, progress)
        status = response.upstream.status
        try:
            if status in REDIRECTS:
                message = f"{response.endpoint.name}: answered with a redirect, which is not followed"
                raise UpstreamError(message, code="upstream_redirect")
            if status < FIRST_ERROR and response.streams:
                await self._relay_stream(routed, progress, response, cycle, writer)
            elif writer is not None and writer.opened:
                await relay_late(self._recorder, routed, progress, response, writer)
            else:
                if writer is not None:
                    writer.stop()
                if self._admission.in_flight >= MANY:
                    progress.hold = cycle.connection.hold
                await relay_whole(self._recorder, routed, progress, response, cycle)
        finally:
            response.upstream.release()

    async def _relay_stream(
        self,
        routed: Routed,
        progress: Progress,
        response: StartedResponse,
        cycle: RequestCycle,
        writer: StreamWriter | None,
    ) -> None:
        writer = writer or stream_writer(routed, progress, cycle, heartbeat=0)
        try:
            await StreamRelay(self._recorder, routed, progress, response, writer).run()
        finally:
            writer.stop()

    def _record_departure(self, stage: Stage, progress: Progress, error: RequestError | None = None) -> None:
        """Record that the client left before its answer was complete."""
        if progress.attempts and progress.attempts[-1].ended is None:
            progress.attempts[-1].ended = time.perf_counter()
        if not isinstance(stage, Received):
            self._recorder.record(stage, progress, "cancelled", error)

    def _record_failure(self, stage: Stage, progress: Progress, error: RequestError) -> None:
        """Record a response that breaks off because of a defect, with as little as that needs."""
        if not isinstance(stage, Received):
            progress.content, progress.hold = NO_CONTENT, None
            self._recorder.record(stage, progress, "error", error, bodies=NO_BODIES)

    def _refuse(self, stage: Stage, progress: Progress, error: RequestError, cycle: RequestCycle) -> None:
        progress.status = error.status
        self._counters.refused += 1
        if not isinstance(stage, Received):
            self._recorder.record(stage, progress, "error", error)
        _send_error(cycle, error, stage, progress)


def on_client_disconnect(progress: Progress) -> None:
    """Cancel the serving task, and with it the upstream call, because the client has disconnected.

    A deployment with ``on_disconnect: drain`` continues without a client, until the answer ends or ``drain_seconds``
    are over, so that the provider's own usage is recorded. No fallback starts for a client that has left.
    """
    progress.client_gone = True
    deployment = progress.attempts[-1].arm.endpoint.deployment if progress.attempts else None
    if deployment is not None and deployment.on_disconnect == "drain":
        asyncio.get_running_loop().call_later(deployment.drain_seconds, progress.task.cancel)
    else:
        progress.task.cancel()


def _send_error(cycle: RequestCycle, error: RequestError, stage: Stage, progress: Progress) -> None:
    lines = lines_of(error_headers(error, (stage if isinstance(stage, Received) else stage.received).request_id))
    if not isinstance(stage, Received) and progress.recorded:
        lines += experiment_lines(stage, progress.attempts)
    if progress.spent:
        lines = without_retry(lines)
    elif error.code == CONNECTION_RESET:
        lines.append(b"x-should-retry: true\r\n")
    cycle.answer(error.status, lines, error_body(error))
