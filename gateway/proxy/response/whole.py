"""Sends a whole response to the client as it came, and records it before its last byte."""

import time

from fairtrial.domain.errors import UpstreamError
from fairtrial.domain.events import RequestOutcome
from fairtrial.domain.limits.constants import RESPONSES
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.extraction.chat_metadata import NOTHING, UNSAID, ResponseMetadata, answer_metadata
from gateway.proxy.extraction.responses_metadata import response_metadata
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.recording.record import Recorder, check_schema
from gateway.proxy.response.client_writer import StreamWriter, response_lines, without_retry
from gateway.proxy.routing.continuation import RESPONSES_ENDPOINTS
from gateway.proxy.stages import AnswerContent, RequestProgress, Routed
from gateway.proxy.upstream.call import FIRST_ERROR, StartedResponse
from gateway.proxy.upstream.hold import read_pieces
from gateway.proxy.wire.http import JSON_LINE
from gateway.proxy.wire.openai_errors import body_event, envelope
from gateway.proxy.wire.sse import is_json

MOST_HELD = 16 * 1024
"""Bytes of a request or an answer, up to which the answer waits for the records of others.

All are then written in one system call. Many large records at once would need fresh memory, which costs more.
"""

UNREADABLE = ResponseMetadata(error_type="upstream_error", error_code="upstream_bad_answer")
"""The recorded metadata of a response that has a status of success but is not JSON."""


async def relay_whole(
    recorder: Recorder, routed: Routed, progress: RequestProgress, response: StartedResponse, cycle: RequestCycle
) -> None:
    """Send a response that is not a stream; `UpstreamError` only while nothing of it was sent."""
    status, headers = response.upstream.status, response.upstream.headers
    body = _whole(response) or await _read_whole(routed, response)
    response.attempt.ended = time.perf_counter()
    read = response_metadata if routed.received.endpoint in RESPONSES_ENDPOINTS else answer_metadata
    metadata = read(body)
    decoded = metadata is not NOTHING
    unread = not decoded and excess(body, DECODED) is not None
    if not progress.client_gone:
        progress.status = status
    outcome: RequestOutcome = "ok"
    lines = response_lines(routed, progress.attempts, headers)
    if not decoded and status < FIRST_ERROR and not is_json(body):
        outcome, metadata = "error", UNREADABLE  # the client still gets it as it came
    elif status >= FIRST_ERROR or metadata.error_type is not None:
        outcome, metadata = "error", _error_metadata(response, metadata)
        body, lines = _as_error(response, body, without_retry(lines) if progress.spent else lines)
    progress.content = AnswerContent(metadata, body, unread, is_json=decoded)
    if routed.body.names_format:
        await check_schema(routed, progress)
    bodies = recorder.untouched(routed, progress) or await recorder.redact(routed, progress)
    if len(body) > MOST_HELD or len(routed.body.body) > MOST_HELD or cycle.connection.full:
        progress.hold = None
    recorder.record(routed, progress, "cancelled" if progress.client_gone else outcome, bodies=bodies)
    cycle.answer(status, lines, body)
    if cycle.connection.full:
        await cycle.connection.wait_until_sent(idle=response.endpoint.deployment.timeouts.idle)


async def relay_late(
    recorder: Recorder, routed: Routed, progress: RequestProgress, response: StartedResponse, writer: StreamWriter
) -> None:
    """Send a response that is not a stream after the head of a stream had to be sent: its error, as an event."""
    body = await _read_whole(routed, response)
    response.attempt.ended = time.perf_counter()
    metadata, status = answer_metadata(body), response.upstream.status
    progress.content = AnswerContent(metadata)
    if metadata.error_type is None or metadata.error_code in UNSAID:
        if status < FIRST_ERROR or not is_json(body):
            message = f"{response.endpoint.name}: answered {status} without a stream"
            raise UpstreamError(message, code="upstream_error")
        body = b'{"error":%b}' % body  # an error that is not in OpenAI's form
        metadata = _error_metadata(response, metadata)
    progress.content = AnswerContent(metadata, body)
    recorder.record(routed, progress, "cancelled" if progress.client_gone else "error")
    writer.end(body_event(body, number=0 if routed.received.endpoint == RESPONSES else None))


def _whole(response: StartedResponse) -> bytes | None:
    """The whole body if the first piece is all of it, without the provider's key: no one may get that."""
    headers, body, secret = response.upstream.headers.raw, response.first, response.endpoint.secret
    if headers.get("content-length") != b"%d" % len(body) or "content-encoding" in headers:
        return None
    return body if secret is None else secret.blank(body)


async def _read_whole(routed: Routed, response: StartedResponse) -> bytes:
    """The same for a body in any number of pieces."""
    body = _whole(response)
    if body is None:
        body, secret = await read_pieces(response, started=routed.received.started), response.endpoint.secret
        body = body if secret is None else secret.blank(body)
    return body


def _error_metadata(response: StartedResponse, metadata: ResponseMetadata) -> ResponseMetadata:
    if metadata.error_type is not None:
        return metadata
    return ResponseMetadata(error_type="upstream_error", error_code=f"http_{response.upstream.status}")


def _as_error(response: StartedResponse, body: bytes, lines: list[bytes]) -> tuple[bytes, list[bytes]]:
    """An error as the upstream sent it, or OpenAI's envelope if it did not send JSON."""
    if is_json(body):
        return body, lines
    message = f"{response.endpoint.name}: answered {response.upstream.status} without JSON"
    body = envelope(message, kind="upstream_error", code="upstream_error")
    return body, [line for line in lines if not line.startswith(b"content-type:")] + [JSON_LINE]
