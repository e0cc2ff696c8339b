"""The data plane's application: the hot paths taken before FastAPI sees them, all others handed on to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

from fairtrial.domain.errors import RequestError
from gateway.proxy.admission.admission import watch_lag
from gateway.proxy.http_server.asgi_scope import scope_of
from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.http_server.request_path import read_path
from gateway.proxy.pipeline import complete
from gateway.proxy.plan.routing_table import Routing
from gateway.proxy.request_ids import new_id
from gateway.proxy.response.refusal import break_off, refuse
from gateway.proxy.routes.fastapi_app import cold_app
from gateway.proxy.routes.metrics import families_of
from gateway.proxy.wire.asgi import JSON_LINE, ASGIApp, Message, Send, lines_of
from gateway.proxy.wire.cors import Cors
from gateway.proxy.wire.openai_errors import envelope, error_body, error_headers
from gateway.proxy.worker_state import Gateway

ASKED = ("/chat/completions", "/completions", "/responses", "/responses/compact", "/embeddings")
HOT = {f"/v1{path}": path for path in ASKED}
_HOT = {path.encode(): endpoint for path, endpoint in HOT.items()}

ALWAYS = frozenset({"/livez", "/readyz", "/metrics"})
"""What is answered however busy a worker is, and while it stops: whoever looks after it needs to know."""

_LOG = logging.getLogger(__name__)


def build_app(gateway: Gateway) -> Callable[[Turn], None]:
    """What a worker's server calls with each turn."""
    loop, application = asyncio.get_running_loop(), _Application(gateway)

    def serve(turn: Turn) -> None:
        turn.task = loop.create_task(application.serve(turn))

    return serve


class _Application:
    """One worker's."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._admission = gateway.admission
        self._cors = gateway.cors
        self._cold: ASGIApp = cold_app(gateway, HOT)

    async def serve(self, turn: Turn) -> None:
        """Serve one turn to its end; whatever fails ends that one alone."""
        try:
            if self._cors is not None and _answer_preflight(self._cors, turn):
                return
            path, _, query = turn.target.partition(b"?")
            endpoint = _HOT.get(path) if turn.method == b"POST" and b"#" not in query else None
            if endpoint is None:
                await self._serve_other(turn)
            elif (refusal := self._admission.refusal(reserved=turn.line.reserved)) is not None:
                await refuse(self._admission, refusal, turn, new_id())
            else:
                self._admission.in_flight += 1
                try:
                    await complete(self._gateway, endpoint, turn, query)
                finally:
                    self._admission.release(turn)
        except Exception:  # noqa: BLE001 - the fence of the server: one turn that fails is one answer that breaks off
            _LOG.exception("a request failed")
            _fail(turn)
        else:
            if not turn.complete and not turn.gone:
                _fail(turn)

    async def _serve_other(self, turn: Turn) -> None:
        """The cold paths, and what is another spelling of a hot one."""
        admission, request_id = self._admission, new_id()
        try:
            asked = read_path(turn.method, turn.target)
        except RequestError as error:
            turn.answer(error.status, lines_of(error_headers(error, request_id)), error_body(error))
            return
        endpoint = HOT.get(asked.path) if turn.method == b"POST" else None
        if asked.path in ALWAYS:
            turn.keep_alive = turn.keep_alive and not turn.line.reserved
            await self._serve_cold(turn, scope_of(turn, asked), request_id)
        elif (refusal := admission.refusal(reserved=turn.line.reserved)) is not None:
            await refuse(admission, refusal, turn, request_id)
        else:
            admission.in_flight += 1
            try:
                if endpoint is not None:
                    await complete(self._gateway, endpoint, turn, asked.query)
                else:
                    await self._serve_cold(turn, scope_of(turn, asked), request_id)
            except asyncio.CancelledError:
                if admission.stage != "ending":
                    raise
                break_off(turn, request_id)
            finally:
                admission.release(turn)

    async def _serve_cold(self, turn: Turn, scope: dict[str, object], request_id: str) -> None:
        scope["request_id"] = request_id
        await self._cold(scope, turn.receive, _naming(turn.send, request_id))


def _answer_preflight(cors: Cors, turn: Turn) -> bool:
    """Give the turn its headers for web pages, and answer it here if it is a browser's question before a request."""
    turn.extra = cors.lines(turn.target, turn.headers.raw)
    lines = cors.preflight(turn.method, turn.target, turn.headers.raw)
    if lines is None:
        return False
    turn.answer(204, [*lines, b"x-request-id: %b\r\n" % new_id().encode()], b"")
    return True


def _fail(turn: Turn) -> None:
    """An answer of ours where none was begun; one that has begun breaks off, and the client sees that it did."""
    if turn.started:
        turn.line.close()
    else:
        turn.keep_alive = False
        lines = [JSON_LINE, b"x-request-id: %b\r\n" % new_id().encode()]
        turn.answer(500, lines, envelope("the gateway failed", kind="server_error", code="gateway_failed"))


def _naming(send: Send, request_id: str) -> Send:
    """Put ``x-request-id`` on every answer of the cold paths."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [header for header in message.get("headers", ()) if header[0] != b"x-request-id"]
            message["headers"] = [*others, (b"x-request-id", request_id.encode())]
        await send(message)

    return named


@contextlib.asynccontextmanager
async def alive(gateway: Gateway) -> AsyncIterator[None]:
    """Watches the plan and the loop, and shows the counts, while a worker serves; closes journal and connections.

    The first counts are shown before the first request: whoever was served by this worker finds it in ``/metrics``.
    """
    gateway.watch.look()
    gateway.board.show(families_of(gateway))
    watching = asyncio.gather(
        gateway.watch.run(partial(_get_ready, gateway)),
        gateway.recording.run(),
        watch_lag(gateway.admission),
        gateway.board.keep(partial(families_of, gateway)),
    )
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await gateway.transport.close()
        await gateway.passing.close()
        gateway.places.close()
        gateway.journal.close()


def _get_ready(gateway: Gateway, routing: Routing) -> None:
    if routing.translates:
        gateway.translation.warm()
