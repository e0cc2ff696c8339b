"""A client that leaves: its upstream call is cancelled at once, or read to its end where the deployment says so."""

from __future__ import annotations

import asyncio

from gateway.proxy.exchange import Exchange


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
