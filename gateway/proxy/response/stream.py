"""A stream to the client, event by event as it comes; recorded before its end, broken off with an error event."""

from __future__ import annotations

import asyncio
import time

from msgspec.structs import replace

from fairtrial.domain.errors import RequestError
from fairtrial.domain.events import RequestOutcome
from gateway.proxy.exchange import Exchange
from gateway.proxy.extraction.stream_accumulator import Kept
from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.recording.record import prepare, record
from gateway.proxy.response.keepalive import Pulse
from gateway.proxy.response.response_headers import answer_lines, variant_lines
from gateway.proxy.routing.continuation import RESPONSES, note_place
from gateway.proxy.transport.transport import EVENT_LIMIT, TransportError
from gateway.proxy.upstream.call import Begun, broken_off, overflow, stalled, unreadable
from gateway.proxy.wire.asgi import ClientGone
from gateway.proxy.wire.headers import Headers
from gateway.proxy.wire.openai_errors import error_event
from gateway.proxy.wire.sse import EventCutter
from gateway.proxy.worker_state import Gateway

EARLY_STATUS = 200
_STREAM_LINES = [b"cache-control: no-cache\r\n", b"x-accel-buffering: no\r\n"]
_TYPE = b"content-type: text/event-stream; charset=utf-8\r\n"


def stream_to(gateway: Gateway, exchange: Exchange, turn: Turn, *, keepalive: float | None = None) -> Pulse:
    """The way to a client that asked for a stream; if need be its head leaves before an upstream has answered."""

    def early() -> tuple[int, list[bytes]] | None:
        if exchange.client_gone:
            return None
        exchange.status = EARLY_STATUS
        known = exchange.target is None or exchange.target.fallback is None
        head = exchange.attempts[-1].head if known and exchange.attempts else None
        if head is not None and exchange.attempts[-1].status == EARLY_STATUS and not _is_json(head):
            return EARLY_STATUS, [*answer_lines(exchange, head, skip="cache-control"), *_STREAM_LINES]
        named = b"x-request-id: %b\r\n" % exchange.request_id.encode()
        return EARLY_STATUS, [_TYPE, named, *(variant_lines(exchange) if known else ()), *_STREAM_LINES]

    return Pulse(turn, every=gateway.settings.keepalive if keepalive is None else keepalive, early=early)


def _is_json(head: Headers) -> bool:
    return "json" in head.text("content-type")


class StreamRelay:
    """Relays one stream. Events stay whole and as they came; the client's reading speed holds the upstream back."""

    __slots__ = (
        "_begun", "_cutter", "_exchange", "_gateway", "_keep", "_kept", "_late", "_passes", "_pulse", "_push",
        "_secret",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, exchange: Exchange, begun: Begun, pulse: Pulse) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._begun = begun
        self._pulse = pulse
        assert exchange.routing is not None
        responses = exchange.endpoint == RESPONSES
        self._cutter = EventCutter(strip_usage=begun.strip_usage, responses=responses, checked=not responses)
        kept = responses or exchange.routing.plan.capture != "none"  # the map of responses reads what is not recorded
        self._late = b""
        self._secret = begun.note.arm.endpoint.secret
        self._kept = Kept(text=kept, responses=responses)
        self._passes, self._keep, self._push = self._cutter.passes, self._kept.add, pulse.push

    async def run(self) -> None:
        """Relay to the end; an upstream that breaks off becomes an error event, without ``[DONE]``.

        A client that takes nothing for the deployment's idle time is held to have left.
        """
        exchange, pulse = self._exchange, self._pulse
        lines = [*answer_lines(exchange, self._begun.answer.headers, skip="cache-control"), *_STREAM_LINES]
        if not exchange.client_gone and not pulse.opened:
            exchange.status = self._begun.answer.status
        try:
            pulse.open(exchange.status, lines)
            last = await self._within_limits()
        except RequestError as error:
            last = self._broken_off(error)
        except TransportError as error:
            last = self._broken_off(broken_off(self._begun, error))
        except TimeoutError:
            if pulse.sending:
                await self._not_read()
            last = self._broken_off(stalled(self._begun))
        except asyncio.CancelledError:
            self._read()
            raise
        pulse.end(last)

    async def _within_limits(self) -> bytes:
        limits = self._begun.note.arm.endpoint.deployment.timeouts
        left = self._exchange.started + limits.total - time.perf_counter()
        async with asyncio.timeout(None) as limit:
            self._pulse.guard(limit, idle=limits.idle, left=left)
            return await self._pieces()

    async def _pieces(self) -> bytes:
        """Relay all but the last bytes, which are returned: they leave only once the record is written."""
        cutter, answer = self._cutter, self._begun.answer
        flow = getattr(answer, "flow", None)
        piece, placed = self._begun.first, self._exchange.endpoint != RESPONSES
        while piece:
            out = self._cut(piece)
            while out or cutter.done:
                placed = placed or note_place(self._gateway, self._exchange, self._kept.figures())
                if cutter.done:
                    await self._finish_whole()
                    self._pulse.quiet()
                await self._pulse.send(out)
                if flow is None or cutter.done or cutter.broken or not placed:
                    break
                await flow(self._at_once)
                out, self._late = self._late, b""
            if cutter.broken:
                raise unreadable(self._begun)
            if cutter.waiting > EVENT_LIMIT:
                raise overflow(self._begun, EVENT_LIMIT)
            piece = await answer.read()
        whole, out = self._blanked(*cutter.rest())
        if cutter.broken:
            raise unreadable(self._begun)
        self._kept.add(whole)
        await self._finish_whole()
        return out

    def _cut(self, piece: bytes) -> bytes:
        whole, out = self._blanked(*self._cutter.feed(piece))
        if whole:
            self._kept.add(whole)
        return out

    def _blanked(self, whole: bytes, out: bytes) -> tuple[bytes, bytes]:
        """Whole events without the provider's key, in whatever pieces it came; for the record and for the client."""
        secret = self._secret
        if secret is None or not secret.found_in(whole):
            return whole, out
        return secret.blank(whole), secret.blank(out)

    def _at_once(self, piece: bytes) -> bool:
        """Send on a piece in the moment in which it arrives; false where something has to be waited for first."""
        if self._passes(piece) and (self._secret is None or not self._secret.found_in(piece)):
            self._keep(piece)
            if self._push(piece):
                return True
            self._late = piece
            return False
        out = self._cut(piece)
        cutter = self._cutter
        if cutter.done or cutter.broken or cutter.waiting > EVENT_LIMIT or (out and not self._pulse.push(out)):
            self._late = out
            return False
        return True

    def _broken_off(self, error: RequestError) -> bytes:
        """The last event of a stream that broke off; none where the stream itself had ended already."""
        if self._cutter.done:
            return b""
        self._begun.note.failure = self._exchange.error = error
        self._finish("partial")
        return error_event(error, number=self._number())

    def _number(self) -> int | None:
        """The place of one more event in a stream of the Responses API; other streams have none."""
        return self._kept.last_number() + 1 if self._exchange.endpoint == RESPONSES else None

    async def _not_read(self) -> None:
        """Close the connection of a client that does not read; it is recorded as one that left."""
        self._exchange.client_gone = True
        self._finish("cancelled")
        self._pulse.client.line.abort()
        await asyncio.sleep(0)  # the connection's end comes first, and nobody takes offence at an answer without one
        raise ClientGone

    async def _finish_whole(self) -> None:
        if not self._exchange.recorded:
            self._read()
            await prepare(self._gateway, self._exchange)
            self._finish("ok")

    def _finish(self, outcome: RequestOutcome) -> None:
        exchange = self._exchange
        if exchange.recorded:
            return
        self._read()
        read = exchange.readout
        broken = read.error_type is not None or not (read.done or read.finish_reason)
        exchange.outcome = "cancelled" if exchange.client_gone else "partial" if broken else outcome
        if broken and read.usage_source == "provider":
            exchange.readout = replace(read, usage_source="partial")
        record(self._gateway, exchange)

    def _read(self) -> None:
        """Read what came so far, for the record."""
        exchange = self._exchange
        if exchange.recorded:
            return
        self._begun.note.ended = time.perf_counter()
        exchange.readout, exchange.answer = self._kept.figures(), self._kept.answer()
        exchange.unread = self._kept.unread > 0
