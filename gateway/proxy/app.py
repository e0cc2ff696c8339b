"""Serves the requests of one worker: requests for models directly, all others through the API routes of FastAPI."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from fairtrial.domain.errors import RequestError, Unavailable
from fairtrial.domain.limits.constants import CHAT_COMPLETIONS, RESPONSES
from fairtrial.domain.names.ids import new_id
from gateway.proxy.admission.admission import DRAINING, Admission, Refusal, watch_lag
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_reader import read_path
from gateway.proxy.pipeline import Pipeline
from gateway.proxy.plan.routing_table import Routing
from gateway.proxy.routes.fastapi_app import api_app, scope_of
from gateway.proxy.routes.metrics import values_of
from gateway.proxy.wire.http import JSON_LINE, ASGIApp, Cors, Message, Send, lines_of
from gateway.proxy.wire.openai_errors import envelope, error_body, error_headers
from gateway.proxy.worker_state import WorkerState

MODEL_ENDPOINTS = (CHAT_COMPLETIONS, "/completions", RESPONSES, "/responses/compact", "/embeddings")
MODEL_PATHS = {f"/v1{path}": path for path in MODEL_ENDPOINTS}
_MODEL_PATHS = {path.encode(): endpoint for path, endpoint in MODEL_PATHS.items()}
_FRAGMENT = ord("#")

ALWAYS_SERVED = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that are served under any load, and while the worker stops, because monitoring needs them."""

_LOG = logging.getLogger(__name__)
UNREAD_SECONDS = 2.0
"""How long the body of a rejected request is read before its connection is closed, so that the response arrives."""


def build_app(worker: WorkerState) -> Callable[[RequestCycle], None]:
    """Make the function that a worker's server calls with the first request of each connection."""
    application = _Application(worker)

    def serve(cycle: RequestCycle) -> None:
        cycle.connection.requests = requests = _ConnectionRequests(application.serve)
        requests.begin(cycle)

    return serve


class _ConnectionRequests:
    """Serves the requests of one connection in one task, in their order. A new task for each one would cost more."""

    __slots__ = ("_ended", "_loop", "_next", "_serve", "_task")

    def __init__(self, serve: Callable[[RequestCycle], Awaitable[None]]) -> None:
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Future[RequestCycle | None] = self._loop.create_future()
        self._ended = False
        self._task = self._loop.create_task(self._run())

    def begin(self, cycle: RequestCycle) -> None:
        """Serve a request, after the one before it has ended."""
        cycle.task = self._task
        self._next.set_result(cycle)

    def end(self) -> None:
        """End the task once no request is in progress, because the connection is lost."""
        self._ended = True
        if not self._next.done():
            self._next.set_result(None)

    async def _run(self) -> None:
        while not self._ended:
            cycle = await self._next
            if cycle is None:
                return
            self._next = self._loop.create_future()
            try:
                await self._serve(cycle)
            except BaseException:
                cycle.connection.abort()  # no task is left that could serve its next request
                raise
            del cycle  # an idle connection must not hold a body
            if self._next.done():
                await asyncio.sleep(0)  # requests that wait for nothing must not keep other connections waiting


class _Application:
    def __init__(self, worker: WorkerState) -> None:
        self._worker = worker
        self._admission = worker.admission
        self._cors = worker.cors
        self._pipeline = Pipeline(worker)
        self._api_app: ASGIApp = api_app(worker, MODEL_PATHS)

    async def serve(self, cycle: RequestCycle) -> None:
        """Serve one request. A failure ends only this one."""
        try:
            if self._cors is not None and _answer_preflight(self._cors, cycle):
                return
            path, _, query = cycle.target.partition(b"?")
            endpoint = _MODEL_PATHS.get(path) if cycle.method == b"POST" and _FRAGMENT not in query else None
            if endpoint is None:
                await self._serve_other(cycle)
            elif (refusal := self._admission.refusal(reserved=cycle.connection.reserved)) is not None:
                await refuse(self._admission, refusal, cycle, new_id())
            else:
                self._admission.in_flight += 1
                try:
                    await self._pipeline.complete(endpoint, cycle, query)
                finally:
                    self._admission.release(cycle)
        except Exception:  # noqa: BLE001 - a request that fails must not end the worker
            _LOG.exception("a request failed")
            _fail(cycle)
        else:
            if not cycle.complete and not cycle.gone:
                _fail(cycle)

    async def _serve_other(self, cycle: RequestCycle) -> None:
        """Serve an API route, or another spelling of a model endpoint's path."""
        admission, request_id = self._admission, new_id()
        try:
            path = read_path(cycle.method, cycle.target)
        except RequestError as error:
            cycle.answer(error.status, lines_of(error_headers(error, request_id)), error_body(error))
            return
        endpoint = MODEL_PATHS.get(path.path) if cycle.method == b"POST" else None
        if path.path in ALWAYS_SERVED:
            cycle.keep_alive = cycle.keep_alive and not cycle.connection.reserved
            await self._serve_api(cycle, scope_of(cycle, path), request_id)
        elif (refusal := admission.refusal(reserved=cycle.connection.reserved)) is not None:
            await refuse(admission, refusal, cycle, request_id)
        else:
            admission.in_flight += 1
            try:
                if endpoint is not None:
                    await self._pipeline.complete(endpoint, cycle, path.query)
                else:
                    await self._serve_api(cycle, scope_of(cycle, path), request_id)
            except asyncio.CancelledError:
                if admission.stage != "ending":
                    raise
                break_off(cycle, request_id)
            finally:
                admission.release(cycle)

    async def _serve_api(self, cycle: RequestCycle, scope: dict[str, object], request_id: str) -> None:
        scope["request_id"] = request_id
        await self._api_app(scope, cycle.receive, _with_request_id(cycle.send, request_id))


def _answer_preflight(cors: Cors, cycle: RequestCycle) -> bool:
    """Add the CORS headers to the response, or answer the request here if it is a CORS preflight."""
    cycle.extra = cors.lines(cycle.target, cycle.headers.raw)
    lines = cors.preflight(cycle.method, cycle.target, cycle.headers.raw)
    if lines is None:
        return False
    cycle.answer(204, [*lines, b"x-request-id: %b\r\n" % new_id().encode()], b"")
    return True


def _fail(cycle: RequestCycle) -> None:
    """Answer 500 if no response has started. Otherwise close the connection, so that the client sees the break."""
    if cycle.started:
        cycle.connection.close()
    else:
        cycle.keep_alive = False
        lines = [JSON_LINE, b"x-request-id: %b\r\n" % new_id().encode()]
        cycle.answer(500, lines, envelope("the gateway failed", kind="server_error", code="gateway_failed"))


def _with_request_id(send: Send, request_id: str) -> Send:
    """Set ``x-request-id`` on every response of the API routes."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [header for header in message.get("headers", ()) if header[0] != b"x-request-id"]
            message["headers"] = [*others, (b"x-request-id", request_id.encode())]
        await send(message)

    return named


@contextlib.asynccontextmanager
async def alive(worker: WorkerState) -> AsyncIterator[None]:
    """Run a worker's background tasks while it serves; close its journal and connections at the end.

    The first counters are published before the first request, so that each client finds its worker in ``/metrics``.
    """
    worker.watch.load_if_changed()
    worker.shared_counters.show(values_of(worker))
    watching = asyncio.gather(
        worker.watch.run(partial(_get_ready, worker)),
        worker.recording.run(),
        watch_lag(worker.admission),
        worker.shared_counters.keep(partial(values_of, worker)),
    )
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await _end_probes(worker)
        await worker.transport.close()
        if worker.passthrough is not None:
            await worker.passthrough.close()
        worker.response_map.close()
        worker.journal.close()


async def _end_probes(worker: WorkerState) -> None:
    """End the probes and copies, so that the records that wait for them are written before the journal is closed."""
    beside = [*worker.probes, *worker.copies]
    for probe in beside:
        probe.cancel()
    await asyncio.gather(*beside, return_exceptions=True)


def _get_ready(worker: WorkerState, routing: Routing) -> None:
    if routing.translates:
        worker.translation.warm()


async def refuse(admission: Admission, refusal: Refusal, cycle: RequestCycle, request_id: str) -> None:
    """Send the prepared response. If the connection stays open, the server skips the rest of the body."""
    admission.count(refusal.reason)
    if refusal.last:
        cycle.keep_alive = False
        if refusal.patient:
            await _skip_body(cycle)
    _answer(cycle, refusal, request_id)


def break_off(cycle: RequestCycle, request_id: str) -> None:
    """End a request when the worker ends: reject it, or break its connection if the response has started."""
    cycle.keep_alive = False
    if cycle.started:
        cycle.connection.close()
    else:
        _answer(cycle, DRAINING, request_id)


def _answer(cycle: RequestCycle, refusal: Refusal, request_id: str) -> None:
    named = b"x-request-id: %b\r\n" % request_id.encode()
    cycle.answer(Unavailable.status, [*refusal.lines, named], refusal.body)


async def _skip_body(cycle: RequestCycle) -> None:
    """Read the body, because closing with unread bytes would reset the connection and could lose the response."""
    try:
        async with asyncio.timeout(UNREAD_SECONDS):
            while (message := await cycle.receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        return
