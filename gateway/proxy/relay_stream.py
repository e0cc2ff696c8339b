"""A stream to the client, event by event as it comes; recorded before ``[DONE]``, broken off with an error event."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from fairtrial.domain.errors import RequestError
from fairtrial.domain.events import RequestOutcome
from gateway.proxy.answer_headers import answer_headers
from gateway.proxy.assemble import assemble
from gateway.proxy.call import Begun, next_piece, overflow
from gateway.proxy.errors import error_event
from gateway.proxy.exchange import Exchange
from gateway.proxy.gateway import Gateway
from gateway.proxy.readout import read_stream
from gateway.proxy.recording import record
from gateway.proxy.sse import EventCutter
from gateway.proxy.upstream.transport import EVENT_LIMIT
from gateway.proxy.wire import Header, Send

RECORD_LIMIT = 4 * 2**20
"""Bytes of a stream that are kept for the record; of a longer one only its end beyond that, for the usage."""

TAIL_PIECES = 8
_STREAM_HEADERS: list[Header] = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


class StreamRelay:
    """Relays one stream. Events stay whole and as they came; the client's reading speed holds the upstream back."""

    def __init__(self, gateway: Gateway, exchange: Exchange, begun: Begun) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._begun = begun
        self._cutter = EventCutter(strip_usage=begun.strip_usage)
        self._kept: list[bytes] = []
        self._tail: list[bytes] = []
        self._size = 0

    async def run(self, send: Send) -> None:
        """Relay to the end; an upstream that breaks off becomes an error event, without ``[DONE]``."""
        exchange = self._exchange
        exchange.status = self._begun.answer.status
        headers = [*answer_headers(exchange, self._begun.answer.headers, skip="cache-control"), *_STREAM_HEADERS]
        try:
            await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
            last = await self._pieces(send)
        except RequestError as error:
            self._begun.note.failure = exchange.error = error
            self._finish("partial")
            last = error_event(error)
        except asyncio.CancelledError:
            self._read()
            raise
        await send({"type": "http.response.body", "body": last})

    async def _pieces(self, send: Send) -> bytes:
        """Relay all but the last bytes, which are returned: they leave only once the record is written."""
        piece = self._begun.first
        while piece:
            whole, out = self._cutter.feed(piece)
            if whole:
                self._keep(whole)
            if self._cutter.waiting > EVENT_LIMIT:
                raise overflow(self._begun, EVENT_LIMIT)
            if self._cutter.done:
                self._finish("ok")
            if out:
                await send({"type": "http.response.body", "body": out, "more_body": True})
            piece = await next_piece(self._exchange, self._begun)
        whole, out = self._cutter.rest()
        self._keep(whole)
        self._finish("ok")
        return out

    def _keep(self, events: bytes) -> None:
        self._size += len(events)
        if self._size <= RECORD_LIMIT:
            self._kept.append(events)
        else:
            self._tail = [*self._tail[1 - TAIL_PIECES :], events]

    def _finish(self, outcome: RequestOutcome) -> None:
        exchange = self._exchange
        if exchange.recorded:
            return
        self._read()
        read = exchange.readout
        broken = read.error_type is not None or not (read.done or read.finish_reason)
        exchange.outcome = "partial" if broken else outcome
        if exchange.outcome == "partial" and read.usage_source == "provider":
            exchange.readout = replace(read, usage_source="partial")
        record(self._gateway, exchange)

    def _read(self) -> None:
        """Read what came so far, for the record."""
        if self._exchange.recorded:
            return
        self._begun.note.ended = time.perf_counter()
        self._exchange.readout = read_stream(b"".join([*self._kept, *self._tail]))
        self._exchange.answer = None if self._tail else assemble(b"".join(self._kept))
