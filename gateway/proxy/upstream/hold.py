"""Reads an answer to its end before anything of it is sent on, so that a broken one can be requested again."""

from dataclasses import dataclass

import msgspec

from fairtrial.domain.limits.constants import RESPONSES
from gateway.proxy.extraction.chat_metadata import answer_metadata
from gateway.proxy.extraction.stream_accumulator import StreamAccumulator
from gateway.proxy.stages import Routed
from gateway.proxy.transport.transport import WHOLE_LIMIT
from gateway.proxy.upstream.call import StartedResponse, broken_answer, next_piece, overflow, unreadable
from gateway.proxy.wire.http import Headers
from gateway.proxy.wire.sse import EventSplitter, is_json


@dataclass(frozen=True, slots=True)
class HeldAnswer:
    """A response of which everything was read. The piece before the end is the first one."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        return b""

    def release(self) -> None:
        """Nothing is left to release."""


async def hold_whole(routed: Routed, response: StartedResponse) -> StartedResponse:
    """The response with all of its body; `UpstreamError` if that breaks off, stops, or is not complete."""
    try:
        body = await read_pieces(response, started=routed.received.started)
    finally:
        response.upstream.release()
    if response.streams:
        _refuse_incomplete(routed, response, body)
    elif not is_json(body):
        raise unreadable(response)
    elif answer_metadata(body).error_type is not None:
        raise broken_answer(response, "its answer holds an error")
    return msgspec.structs.replace(
        response, first=body, upstream=HeldAnswer(response.upstream.status, response.upstream.headers)
    )


async def read_pieces(response: StartedResponse, *, started: float) -> bytes:
    """The whole body from its first piece on; raises `UpstreamError` as `next_piece` does, and beyond `WHOLE_LIMIT`."""
    parts, size = [response.first], len(response.first)
    while piece := await next_piece(response, started=started):
        parts.append(piece)
        size += len(piece)
        if size > WHOLE_LIMIT:
            raise overflow(response, WHOLE_LIMIT)
    return b"".join(parts) if len(parts) > 1 else response.first


def _refuse_incomplete(routed: Routed, response: StartedResponse, body: bytes) -> None:
    responses = routed.received.endpoint == RESPONSES
    splitter = EventSplitter(strip_usage=False, responses=responses, checked=not responses)
    accumulator = StreamAccumulator(responses=responses)
    accumulator.add(splitter.feed(body)[0])
    accumulator.add(splitter.rest()[0])
    read = accumulator.metadata()
    if splitter.broken:
        raise unreadable(response)
    if read.error_type is not None or not (read.done or read.finish_reason):
        raise broken_answer(response, "its answer ended too early")
