"""Relays a stream to the client event by event, records it before its end, and reports a break as an error event."""

import asyncio
import time

from msgspec.structs import replace

from fairtrial.domain.errors import RequestError
from fairtrial.domain.events import RequestOutcome
from fairtrial.domain.limits.constants import RESPONSES
from gateway.proxy.extraction.stream_accumulator import StreamAccumulator
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.recording.capture import Bodies
from gateway.proxy.recording.record import Recorder, check_schema
from gateway.proxy.response.client_writer import StreamWriter, own_lines, response_lines
from gateway.proxy.routing.continuation import remember_response
from gateway.proxy.stages import AnswerContent, RequestProgress, Routed
from gateway.proxy.transport.transport import EVENT_LIMIT, TransportError
from gateway.proxy.upstream.call import StartedResponse, broken_answer, broken_off, overflow, stalled, unreadable
from gateway.proxy.wire.http import ClientGone
from gateway.proxy.wire.openai_errors import error_event
from gateway.proxy.wire.sse import EventSplitter

EARLY_STATUS = 200
_STREAM_LINES = [b"cache-control: no-cache\r\n", b"x-accel-buffering: no\r\n"]
_TYPE = b"content-type: text/event-stream; charset=utf-8\r\n"


def stream_writer(routed: Routed, progress: RequestProgress, cycle: RequestCycle, *, heartbeat: float) -> StreamWriter:
    """The writer for a client that requested a stream. It can send the head before an upstream has answered."""

    def early_head() -> tuple[int, list[bytes]] | None:
        if progress.client_gone:
            return None
        progress.status = EARLY_STATUS
        attempts = progress.attempts
        known = not routed.target.fallbacks
        head = attempts[-1].head if known and attempts else None
        if head is not None and attempts[-1].status == EARLY_STATUS and "json" not in head.text("content-type"):
            return EARLY_STATUS, [*response_lines(routed, attempts, head, skip="cache-control"), *_STREAM_LINES]
        named = b"x-request-id: %b\r\n" % routed.received.request_id.encode()
        return EARLY_STATUS, [_TYPE, named, *(own_lines(routed, attempts) if known else ()), *_STREAM_LINES]

    return StreamWriter(cycle, heartbeat=heartbeat, early_head=early_head)


class StreamRelay:
    """Relays one stream. Events stay whole and unchanged. The client's reading speed holds the upstream back."""

    __slots__ = (
        "_accumulate", "_accumulator", "_late", "_passes", "_progress", "_push", "_recorder", "_response", "_routed",
        "_secret", "_splitter", "_writer",
    )  # fmt: skip

    def __init__(
        self,
        recorder: Recorder,
        routed: Routed,
        progress: RequestProgress,
        response: StartedResponse,
        writer: StreamWriter,
    ) -> None:
        self._recorder = recorder
        self._routed = routed
        self._progress = progress
        self._response = response
        self._writer = writer
        responses = routed.received.endpoint == RESPONSES
        self._splitter = EventSplitter(strip_usage=response.strip_usage, responses=responses, checked=not responses)
        self._late = b""
        self._secret = response.endpoint.secret
        self._accumulator = StreamAccumulator(responses=responses)
        self._passes, self._accumulate, self._push = self._splitter.passes, self._accumulator.add, writer.push

    async def run(self) -> None:
        """Relay to the end. An upstream that breaks off becomes an error event, without ``[DONE]``.

        A client that reads nothing for `timeouts.idle` is treated as disconnected.
        """
        progress, writer, upstream = self._progress, self._writer, self._response.upstream
        lines = response_lines(self._routed, progress.attempts, upstream.headers, skip="cache-control")
        if not progress.client_gone and not writer.opened:
            progress.status = upstream.status
        try:
            writer.open(progress.status, [*lines, *_STREAM_LINES])
            last = await self._within_limits()
        except RequestError as error:
            last = self._break_off(error)
        except TransportError as error:
            last = self._break_off(broken_off(self._response, error))
        except TimeoutError:
            if writer.sending:
                await self._abandon_client()
            last = self._break_off(stalled(self._response))
        except asyncio.CancelledError:
            self._read_content()
            raise
        finally:
            writer.stop()
        writer.end(last)

    async def _within_limits(self) -> bytes:
        limits = self._response.endpoint.deployment.timeouts
        left = self._routed.received.started + limits.total - time.perf_counter()
        async with asyncio.timeout(None) as limit:
            self._writer.set_timeouts(limit, idle=limits.idle, left=left)
            return await self._relay_pieces()

    async def _relay_pieces(self) -> bytes:
        """Relay all but the last bytes, which are returned: they are sent only after the record is written."""
        splitter, upstream = self._splitter, self._response.upstream
        flow = getattr(upstream, "flow", None)
        piece, remembered = self._response.first, self._routed.received.endpoint != RESPONSES
        while piece:
            out = self._split(piece)
            while out or splitter.done:
                remembered = remembered or self._remember()
                if splitter.done:
                    await self._finish_whole()
                    self._writer.stop_heartbeat()
                await self._writer.send(out)
                if flow is None or splitter.done or splitter.broken or not remembered:
                    break
                await flow(self._send_at_once)
                out, self._late = self._late, b""
            if splitter.broken:
                raise unreadable(self._response)
            if splitter.waiting > EVENT_LIMIT:
                raise overflow(self._response, EVENT_LIMIT)
            piece = await upstream.read()
        whole, out = self._blanked(*splitter.rest())
        if splitter.broken:
            raise unreadable(self._response)
        if self._progress.recorded:
            return out  # the last event came before
        self._accumulator.add(whole)
        read = self._accumulator.metadata()
        if not (read.done or read.finish_reason or read.error_type):
            return out + self._break_off(broken_answer(self._response, "its answer ended too early"))
        await self._finish_whole()
        return out

    def _remember(self) -> bool:
        """Remember a response of the Responses API as soon as it has an id; clients may then fetch or cancel it."""
        content = AnswerContent(self._accumulator.metadata())
        return remember_response(self._recorder.response_map, self._routed, self._progress, content)

    def _split(self, piece: bytes) -> bytes:
        whole, out = self._blanked(*self._splitter.feed(piece))
        if whole:
            self._accumulator.add(whole)
        return out

    def _blanked(self, whole: bytes, out: bytes) -> tuple[bytes, bytes]:
        """Whole events without the provider's key, however it was split; for the record and for the client."""
        secret = self._secret
        if secret is None or not secret.found_in(whole):
            return whole, out
        return secret.blank(whole), secret.blank(out)

    def _send_at_once(self, piece: bytes) -> bool:
        """Send a piece on as soon as it arrives; false if something has to be awaited first."""
        if self._passes(piece) and (self._secret is None or not self._secret.found_in(piece)):
            self._accumulate(piece)
            if self._push(piece):
                return True
            self._late = piece
            return False
        out = self._split(piece)
        splitter = self._splitter
        if splitter.done or splitter.broken or splitter.waiting > EVENT_LIMIT or (out and not self._writer.push(out)):
            self._late = out
            return False
        return True

    def _break_off(self, error: RequestError) -> bytes:
        """The last event of a stream that broke off; empty if the stream itself had already ended."""
        if self._splitter.done:
            self._finish("ok")
            return b""
        self._response.attempt.failure = error
        self._finish("partial", error)
        return error_event(error, number=self._next_number())

    def _next_number(self) -> int | None:
        """The ``sequence_number`` of one more event; ``None`` for streams other than those of the Responses API."""
        return self._accumulator.last_number() + 1 if self._routed.received.endpoint == RESPONSES else None

    async def _abandon_client(self) -> None:
        """Close the connection of a client that does not read, and record the client as disconnected."""
        self._progress.client_gone = True
        self._finish("cancelled")
        self._writer.client.connection.abort()
        await asyncio.sleep(0)  # let connection_lost run first, so the unfinished response is not logged as an error
        raise ClientGone

    async def _finish_whole(self) -> None:
        if not self._progress.recorded:
            self._read_content()
            recorder, routed, progress = self._recorder, self._routed, self._progress
            if routed.body.names_format:
                await check_schema(routed, progress)
            bodies = recorder.untouched(routed, progress) or await recorder.redact(routed, progress)
            self._finish("ok", bodies=bodies)

    def _finish(
        self, outcome: RequestOutcome, error: RequestError | None = None, *, bodies: Bodies | None = None
    ) -> None:
        progress = self._progress
        if progress.recorded:
            return
        if bodies is None:  # otherwise it was read before they were captured
            self._read_content()
        content = progress.content
        read = content.metadata
        broken = read.error_type is not None or not (read.done or read.finish_reason)
        if broken and read.usage_source == "provider":
            progress.content = replace(content, metadata=replace(read, usage_source="partial"))
        if progress.client_gone:
            outcome = "cancelled"
        elif broken:
            outcome = "partial"
        self._recorder.record(self._routed, progress, outcome, error, bodies=bodies)

    def _read_content(self) -> None:
        """Read what came so far, for the record."""
        if self._progress.recorded:
            return
        self._response.attempt.ended = time.perf_counter()
        accumulator = self._accumulator
        metadata, answer = accumulator.metadata(), accumulator.answer()
        self._progress.content = AnswerContent(metadata, answer, accumulator.unread > 0, is_json=True)
