"""An upstream's answer to the client as it came: whole, or event by event; recorded before its last byte leaves."""

from __future__ import annotations

import time

from fairtrial.domain.errors import UpstreamError
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.exchange import Exchange
from gateway.proxy.extraction.chat_metadata import NOTHING, Readout, read_answer
from gateway.proxy.extraction.responses_metadata import read_response
from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.recording.record import prepare, record
from gateway.proxy.response.keepalive import Pulse
from gateway.proxy.response.response_headers import answer_lines
from gateway.proxy.response.stream import StreamRelay, stream_to
from gateway.proxy.routing.continuation import CHAINED, RESPONSES
from gateway.proxy.transport.transport import WHOLE_LIMIT
from gateway.proxy.upstream.call import FIRST_ERROR, Begun, next_piece, overflow
from gateway.proxy.wire.asgi import JSON_LINE
from gateway.proxy.wire.event_validation import is_json
from gateway.proxy.wire.openai_errors import body_event, envelope
from gateway.proxy.worker_state import Gateway

REDIRECTS = range(300, 400)
UNREADABLE = Readout(error_type="upstream_error", error_code="upstream_bad_answer")
"""What is recorded of an answer that is not JSON and has a status of success."""


async def relay(gateway: Gateway, exchange: Exchange, begun: Begun, turn: Turn, pulse: Pulse | None) -> None:
    """Send the answer; `UpstreamError` only while nothing of it was sent. ``pulse``: of a request for a stream."""
    status = begun.answer.status
    if status in REDIRECTS:
        raise UpstreamError(
            f"{_name(begun)}: answered with a redirect, which is not followed", code="upstream_redirect"
        )
    if begun.streams and status < FIRST_ERROR:
        await _relay_stream(gateway, exchange, begun, pulse or stream_to(gateway, exchange, turn, keepalive=0))
    elif pulse is not None and pulse.opened:
        await _relay_late(gateway, exchange, begun, pulse)
    else:
        if pulse is not None:
            pulse.stop()
        await _relay_whole(gateway, exchange, begun, turn)


async def _relay_stream(gateway: Gateway, exchange: Exchange, begun: Begun, pulse: Pulse) -> None:
    try:
        await StreamRelay(gateway, exchange, begun, pulse).run()
    finally:
        pulse.stop()


async def _relay_late(gateway: Gateway, exchange: Exchange, begun: Begun, pulse: Pulse) -> None:
    """An answer that is no stream, when a stream's head had to leave before it came: its error, as an event."""
    body = await _read_whole(exchange, begun)
    begun.note.ended = time.perf_counter()
    exchange.readout = read_answer(body)
    status = begun.answer.status
    if exchange.readout.error_type is None:
        if status < FIRST_ERROR or not is_json(body):
            raise UpstreamError(f"{_name(begun)}: answered {status} without a stream", code="upstream_error")
        body = b'{"error":%b}' % body  # an error in other words than OpenAI's
        exchange.readout = Readout(error_type="upstream_error", error_code=f"http_{status}")
    exchange.outcome = "cancelled" if exchange.client_gone else "error"
    exchange.answer = body
    record(gateway, exchange)
    pulse.end(body_event(body, number=0 if exchange.endpoint == RESPONSES else None))


async def _relay_whole(gateway: Gateway, exchange: Exchange, begun: Begun, turn: Turn) -> None:
    body = await _read_whole(exchange, begun)
    begun.note.ended = time.perf_counter()
    exchange.unread = excess(body, DECODED) is not None
    exchange.readout = read_response(body) if exchange.endpoint in CHAINED else read_answer(body)
    if not exchange.client_gone:
        exchange.status = begun.answer.status
    lines = answer_lines(exchange, begun.answer.headers)
    if exchange.readout is NOTHING and begun.answer.status < FIRST_ERROR and not is_json(body):
        exchange.outcome, exchange.readout = "error", UNREADABLE  # it is passed on as it came
    elif begun.answer.status >= FIRST_ERROR or exchange.readout.error_type is not None:
        body, lines = _as_error(exchange, begun, body, lines)
    exchange.answer = body
    await prepare(gateway, exchange)
    if exchange.client_gone:
        exchange.outcome = "cancelled"
    record(gateway, exchange)
    turn.answer(begun.answer.status, lines, body)
    if turn.line.full:
        await turn.line.leave(idle=begun.note.arm.endpoint.deployment.timeouts.idle)


async def _read_whole(exchange: Exchange, begun: Begun) -> bytes:
    """The whole answer, never with the provider's key: neither the caller nor the record may get it."""
    body, secret = await _read_pieces(exchange, begun), begun.note.arm.endpoint.secret
    return body if secret is None else secret.blank(body)


async def _read_pieces(exchange: Exchange, begun: Begun) -> bytes:
    headers = begun.answer.headers.raw
    if headers.get("content-length") == b"%d" % len(begun.first) and "content-encoding" not in headers:
        return begun.first
    parts, size = [begun.first], len(begun.first)
    while piece := await next_piece(exchange, begun):
        parts.append(piece)
        size += len(piece)
        if size > WHOLE_LIMIT:
            raise overflow(begun, WHOLE_LIMIT)
    return b"".join(parts) if len(parts) > 1 else begun.first


def _as_error(exchange: Exchange, begun: Begun, body: bytes, lines: list[bytes]) -> tuple[bytes, list[bytes]]:
    """An error as the upstream sent it, or OpenAI's envelope where it sent no JSON."""
    exchange.outcome = "error"
    if exchange.readout.error_type is None:
        exchange.readout = Readout(error_type="upstream_error", error_code=f"http_{begun.answer.status}")
    if not is_json(body):
        body = envelope(
            f"{_name(begun)}: answered {begun.answer.status} without JSON", kind="upstream_error", code="upstream_error"
        )
        lines = [line for line in lines if not line.startswith(b"content-type:")] + [JSON_LINE]
    return body, lines


def _name(begun: Begun) -> str:
    return begun.note.arm.endpoint.name
