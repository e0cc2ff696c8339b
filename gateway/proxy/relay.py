"""An upstream's answer to the client as it came: whole, or event by event; recorded before its last byte leaves."""

from __future__ import annotations

import time

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.answer_headers import answer_headers
from gateway.proxy.call import Begun, next_piece, overflow
from gateway.proxy.errors import envelope
from gateway.proxy.exchange import Exchange
from gateway.proxy.gateway import Gateway
from gateway.proxy.readout import Readout, read_answer
from gateway.proxy.recording import record
from gateway.proxy.relay_stream import StreamRelay
from gateway.proxy.responses_chain import CHAINED
from gateway.proxy.responses_readout import read_response
from gateway.proxy.upstream.transport import WHOLE_LIMIT
from gateway.proxy.wire import JSON_TYPE, Header, Send, send_whole

REDIRECTS = range(300, 400)
FIRST_ERROR = 400


async def relay(gateway: Gateway, exchange: Exchange, begun: Begun, send: Send, pulse: Pulse | None) -> None:
    """Send the answer; `UpstreamError` only while nothing of it was sent. ``pulse``: of a request for a stream."""
    status = begun.answer.status
    if status in REDIRECTS:
        raise UpstreamError(
            f"{_name(begun)}: answered with a redirect, which is not followed", code="upstream_redirect"
        )
    if begun.streams and status < FIRST_ERROR:
        await StreamRelay(gateway, exchange, begun).run(send)
    else:
        await _relay_whole(gateway, exchange, begun, send)


async def _relay_whole(gateway: Gateway, exchange: Exchange, begun: Begun, send: Send) -> None:
    body = await _read_whole(exchange, begun)
    begun.note.ended = time.perf_counter()
    exchange.readout = read_response(body) if exchange.endpoint in CHAINED else read_answer(body)
    exchange.status = begun.answer.status
    headers = answer_headers(exchange, begun.answer.headers)
    if exchange.status >= FIRST_ERROR or exchange.readout.error_type is not None:
        body, headers = _as_error(exchange, begun, body, headers)
    exchange.answer = body
    record(gateway, exchange)
    await send_whole(send, exchange.status, body, headers=headers)


async def _read_whole(exchange: Exchange, begun: Begun) -> bytes:
    parts, size = [begun.first], len(begun.first)
    while piece := await next_piece(exchange, begun):
        parts.append(piece)
        size += len(piece)
        if size > WHOLE_LIMIT:
            raise overflow(begun, WHOLE_LIMIT)
    return b"".join(parts) if len(parts) > 1 else begun.first


def _as_error(exchange: Exchange, begun: Begun, body: bytes, headers: list[Header]) -> tuple[bytes, list[Header]]:
    """An error as the upstream sent it, or OpenAI's envelope where it sent no JSON; never with the provider's key."""
    exchange.outcome = "error"
    if exchange.readout.error_type is None:
        exchange.readout = Readout(error_type="upstream_error", error_code=f"http_{exchange.status}")
    if not body.lstrip().startswith(b"{"):
        body = envelope(
            f"{_name(begun)}: answered {exchange.status} without JSON", kind="upstream_error", code="upstream_error"
        )
        headers = [header for header in headers if header[0] != b"content-type"] + [JSON_TYPE]
    key = begun.note.arm.endpoint.api_key
    return (body.replace(key.encode(), b"[key]") if key else body), headers


def _name(begun: Begun) -> str:
    return begun.note.arm.endpoint.name
