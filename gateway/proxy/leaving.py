"""A client that leaves: its upstream call is cancelled at once, or read to its end where the deployment says so."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.proxy.exchange import Exchange
from gateway.proxy.wire import Send


def leave(exchange: Exchange, serving: asyncio.Task[None]) -> None:
    """The caller has left: cancel the serving task, and with it the upstream call.

    A deployment that drains goes on instead, with nobody to send to, until the answer ends or ``drain_seconds`` are
    over; what it counted is then the provider's own. No fallback begins for a caller that has left.
    """
    exchange.client_gone = True
    served = exchange.served
    if served is not None and served.endpoint.deployment.on_disconnect == "drain":
        asyncio.get_running_loop().call_later(served.endpoint.deployment.drain_seconds, serving.cancel)
    else:
        serving.cancel()


def drop_client(send: Send) -> None:
    """Close the connection of a client that does not read, without waiting for it to take what it was sent.

    ASGI has no word for it, so the server's own connection is asked for; without it the server closes in its own time.
    """
    connection: Any = getattr(getattr(send, "__self__", None), "transport", None)
    abort = getattr(connection, "abort", None)
    if abort is not None:
        abort()
