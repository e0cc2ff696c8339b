"""The data plane's application: the hot paths taken before FastAPI sees them, all others handed on to it."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from gateway.proxy.admission import break_off, refuse
from gateway.proxy.cold import cold_app, new_request_id
from gateway.proxy.completions import complete
from gateway.proxy.gateway import Gateway
from gateway.proxy.loop_lag import watch_lag
from gateway.proxy.metrics import families_of
from gateway.proxy.routing import Routing
from gateway.proxy.wire import ASGIApp, Message, Receive, Scope, Send

ASKED = ("/chat/completions", "/completions", "/responses", "/responses/compact", "/embeddings")
HOT = {f"/v1{path}": path for path in ASKED}


ALWAYS = frozenset({"/livez", "/readyz", "/metrics"})
"""What is answered however busy a worker is, and while it stops: whoever looks after it needs to know."""


def build_app(gateway: Gateway) -> ASGIApp:
    """The ASGI application of one worker; its lifespan watches the plan and closes journal and connections."""
    cold, admission = cold_app(gateway, HOT), gateway.admission

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = HOT.get(scope["path"])
        if endpoint is not None and scope["method"] == "POST":
            await complete(gateway, endpoint, scope, receive, send)
        else:
            scope["request_id"] = new_request_id()
            await cold(scope, receive, _naming(send, scope["request_id"]))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"] in ALWAYS:
                await serve(scope, receive, send)
            elif (refusal := admission.refusal()) is not None:
                scope["request_id"] = new_request_id()
                await refuse(admission, refusal, scope, receive, send)
            else:
                admission.in_flight += 1
                try:
                    await serve(scope, receive, send)
                except asyncio.CancelledError:
                    if admission.stage != "ending":
                        raise
                    scope.setdefault("request_id", new_request_id())
                    await break_off(scope, send)
                finally:
                    admission.in_flight -= 1
        elif scope["type"] == "lifespan":
            await _live(gateway, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    return app


def _naming(send: Send, request_id: str) -> Send:
    """Put ``x-request-id`` on every answer of the cold paths."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [header for header in message.get("headers", ()) if header[0] != b"x-request-id"]
            message["headers"] = [*others, (b"x-request-id", request_id.encode())]
        await send(message)

    return named


async def _live(gateway: Gateway, receive: Receive, send: Send) -> None:
    await receive()
    gateway.watch.look()
    watching = asyncio.gather(
        gateway.watch.run(partial(_get_ready, gateway)),
        watch_lag(gateway.admission),
        gateway.board.keep(partial(families_of, gateway)),
    )
    await send({"type": "lifespan.startup.complete"})
    await receive()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    await gateway.transport.close()
    await gateway.passing.close()
    gateway.places.close()
    gateway.journal.close()
    await send({"type": "lifespan.shutdown.complete"})


def _get_ready(gateway: Gateway, routing: Routing) -> None:
    if routing.translates:
        gateway.translation.warm()
