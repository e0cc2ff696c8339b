"""From a target to the last byte of its answer; a stream's head may leave before there is one, to keep it alive."""

from __future__ import annotations

import asyncio

from fairtrial.domain.errors import RequestError
from gateway.proxy.exchange import Exchange
from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.recording.record import record
from gateway.proxy.response.stream import stream_to
from gateway.proxy.response.whole import relay
from gateway.proxy.routing.continuation import RESPONSES
from gateway.proxy.upstream.attempts import begin_answer
from gateway.proxy.upstream.call import STREAMED
from gateway.proxy.wire.openai_errors import error_event
from gateway.proxy.worker_state import Gateway


async def answer(gateway: Gateway, exchange: Exchange, turn: Turn) -> None:
    """Get an answer and send it; `RequestError` only while nothing was sent."""
    assert exchange.asked is not None
    if exchange.asked.stream and exchange.endpoint in STREAMED:
        await _answer_stream(gateway, exchange, turn)
        return
    begun = await begin_answer(gateway, exchange)
    try:
        await relay(gateway, exchange, begun, turn, None)
    finally:
        begun.answer.release()


async def _answer_stream(gateway: Gateway, exchange: Exchange, turn: Turn) -> None:
    """Like an answer that is whole; what fails after the head had to leave is an error event of it."""
    pulse = stream_to(gateway, exchange, turn)
    try:
        begun = await begin_answer(gateway, exchange)
        try:
            await relay(gateway, exchange, begun, turn, pulse)
        finally:
            begun.answer.release()
    except (RequestError, asyncio.CancelledError) as cause:
        stopped = gateway.admission.broken_off(client_gone=exchange.client_gone)
        error = cause if isinstance(cause, RequestError) else stopped
        if error is None or not pulse.opened or exchange.client_gone:
            raise
        exchange.error, exchange.outcome = error, "error" if isinstance(cause, RequestError) else "partial"
        gateway.counters.refused += 1
        record(gateway, exchange)
        pulse.end(error_event(error, number=0 if exchange.endpoint == RESPONSES else None))
    finally:
        pulse.stop()
