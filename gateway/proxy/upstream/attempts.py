"""Which upstream calls are made for a request: the arm's own, then at most one fallback, never after a first byte."""

from __future__ import annotations

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.exchange import Exchange
from gateway.proxy.upstream.call import Begun, call
from gateway.proxy.worker_state import Gateway

SERVER_ERRORS = range(500, 600)


async def begin_answer(gateway: Gateway, exchange: Exchange) -> Begun:
    """An answer that has begun, from the arm or from its fallback; `UpstreamError` if neither gave one."""
    target = exchange.target
    assert target is not None
    try:
        begun = await call(gateway, exchange, target.arm, "live")
    except UpstreamError:
        if target.fallback is None or exchange.client_gone:
            raise
    else:
        if target.fallback is None or exchange.client_gone or begun.answer.status not in SERVER_ERRORS:
            return begun
        begun.answer.release()
        status = begun.answer.status
        begun.note.fail(UpstreamError(f"{target.arm.endpoint.name}: answered {status}", code="upstream_error"))
    return await call(gateway, exchange, target.fallback, "fallback")
