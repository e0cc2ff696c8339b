"""Reads an answer to its end before anything of it is sent on, so that a broken one can be requested again."""

from dataclasses import dataclass

import msgspec

from fairtrial.domain.errors import Overloaded, RateLimited, RequestError, Unavailable
from fairtrial.domain.limits.constants import RESPONSES
from gateway.proxy.extraction.chat_metadata import ResponseMetadata, answer_metadata
from gateway.proxy.extraction.stream_accumulator import StreamAccumulator
from gateway.proxy.stages import HeldBytes, Routed
from gateway.proxy.transport.transport import WHOLE_LIMIT
from gateway.proxy.upstream.call import StartedResponse, broken_answer, next_piece, overflow, unreadable
from gateway.proxy.wire.http import Headers
from gateway.proxy.wire.sse import EventSplitter, is_json

TAIL = 2**16
"""Bytes at the end of a broken stream that are searched for its usage."""


@dataclass(frozen=True, slots=True)
class HeldAnswer:
    """A response of which everything was read. The piece before the end is the first one."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        return b""

    def release(self) -> None:
        """Nothing is left to release."""


async def hold_whole(
    routed: Routed, response: StartedResponse, held_bytes: HeldBytes, *, fallback: bool
) -> StartedResponse:
    """The response with all of its body; `UpstreamError` if that breaks off, stops, or is not complete.

    ``fallback``: another server can be asked. `Unavailable` if the worker holds as many bytes as it may.
    """
    answer = _HeldBody(routed, response)
    try:
        await answer.read(held_bytes, fallback=fallback)
        answer.refuse_incomplete()
    except RequestError:
        response.attempt.discarded = answer.metadata()
        held_bytes(-len(answer.body))
        raise
    finally:
        response.upstream.release()
    held = HeldAnswer(response.upstream.status, response.upstream.headers)
    return msgspec.structs.replace(response, first=bytes(answer.body), upstream=held)


class _HeldBody:
    """The body of a response as far as it has come. A stream is parsed as it arrives, in bounded memory."""

    def __init__(self, routed: Routed, response: StartedResponse) -> None:
        responses = routed.received.endpoint == RESPONSES
        self.body = bytearray()
        self._response, self._started = response, routed.received.started
        self._splitter = EventSplitter(strip_usage=False, responses=responses, checked=not responses)
        self._accumulator = StreamAccumulator(responses=responses)

    async def read(self, held_bytes: HeldBytes, *, fallback: bool) -> None:
        """Read to the end; raises `UpstreamError` as `next_piece` does, and beyond `WHOLE_LIMIT`."""
        response, piece = self._response, self._response.first
        while piece:
            try:
                held_bytes(len(piece))
            except (Overloaded, RateLimited) as error:  # these are not recorded, and the provider has been called
                raise Unavailable(str(error), code="overloaded") from None
            self.body += piece
            if response.streams:
                self._accumulator.add(self._splitter.feed(piece)[0])
            if len(self.body) > WHOLE_LIMIT:
                raise overflow(response, WHOLE_LIMIT)
            piece = await next_piece(response, started=self._started, fallback=fallback)

    def metadata(self) -> ResponseMetadata:
        """What the answer says of itself. Usage that came before a break may not be all."""
        if self._splitter.broken:  # the usage follows the event that is not JSON, if it came
            unchecked = EventSplitter(strip_usage=False, responses=False, checked=False)
            self._accumulator = StreamAccumulator(responses=False)
            self._accumulator.add(unchecked.feed(bytes(self.body[-TAIL:]))[0])
        read = self._accumulator.metadata() if self._response.streams else answer_metadata(bytes(self.body))
        return read if read.tokens is None else msgspec.structs.replace(read, usage_source="partial")

    def refuse_incomplete(self) -> None:
        response = self._response
        if not response.streams:
            if not is_json(bytes(self.body)):
                raise unreadable(response)
            if answer_metadata(bytes(self.body)).error_type is not None:
                raise broken_answer(response, "its answer holds an error")
            return
        self._accumulator.add(self._splitter.rest()[0])
        read = self._accumulator.metadata()
        if self._splitter.broken:
            raise unreadable(response)
        if read.error_type is not None or not (read.done or read.finish_reason):
            raise broken_answer(response, "its answer ended too early")


async def read_pieces(response: StartedResponse, *, started: float) -> bytes:
    """The whole body from its first piece on; raises `UpstreamError` as `next_piece` does, and beyond `WHOLE_LIMIT`."""
    parts, size = [response.first], len(response.first)
    while piece := await next_piece(response, started=started):
        parts.append(piece)
        size += len(piece)
        if size > WHOLE_LIMIT:
            raise overflow(response, WHOLE_LIMIT)
    return b"".join(parts) if len(parts) > 1 else response.first
