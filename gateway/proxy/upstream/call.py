"""One upstream call: headers and body made for it, sent, and its first byte waited for; each failure given its name."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial

from fairtrial.domain.errors import BadRequest, RequestError, UpstreamError, UpstreamTimeout
from fairtrial.domain.events import Purpose
from gateway.proxy.exchange import AttemptNote, Exchange
from gateway.proxy.plan.routing_table import Arm, Endpoint
from gateway.proxy.routing.continuation import CHAINED
from gateway.proxy.transport.transport import (
    TranslatedRequest,
    TransportError,
    UpstreamAnswer,
    UpstreamRequest,
    too_large,
)
from gateway.proxy.upstream.request_body import upstream_body
from gateway.proxy.upstream.request_headers import refuse_without_key, sent_headers
from gateway.proxy.wire.time_limit import TimeLimit
from gateway.proxy.worker_state import Gateway

STREAM_TYPE = b"text/event-stream"
CHAT = "/chat/completions"
METERED = frozenset({CHAT, "/completions"})
STREAMED = METERED | {"/responses"}
FIRST_ERROR = 400
Sending = Awaitable[UpstreamAnswer]


@dataclass(slots=True)
class Begun:
    """An answer that has begun: its head, and the first piece of its body (empty if the body is)."""

    answer: UpstreamAnswer
    first: bytes
    note: AttemptNote
    strip_usage: bool
    asked: bool
    """Whether a stream was asked for."""

    @property
    def streams(self) -> bool:
        """Whether it is one: as its type says in any spelling, or where one was asked for and it is no JSON."""
        kind = self.answer.headers.raw.get("content-type", b"").partition(b";")[0].strip().lower()
        return kind == STREAM_TYPE or (self.asked and self.answer.status < FIRST_ERROR and not kind.endswith(b"json"))


async def call(gateway: Gateway, exchange: Exchange, arm: Arm, purpose: Purpose) -> Begun:
    """Send the request to an arm and wait for the first byte; `UpstreamError` or `UpstreamTimeout`.

    It is a new attempt of the exchange, or two where the transport had to send the request a second time.
    """
    assert exchange.asked is not None
    asked = exchange.asked
    exchange.attempt(arm, purpose)
    meter = asked.stream and exchange.endpoint in METERED and not asked.wants_usage
    try:
        refuse_without_key(arm.endpoint)
        body = upstream_body(asked, arm, meter=meter, responses=exchange.endpoint in CHAINED)
        if arm.endpoint.translated:
            sending = await _translating(gateway, exchange, arm, body)
        else:
            sending = gateway.transport.send(_request(exchange, arm, body))
        answer, first = await _first_byte(sending, exchange)
        return Begun(answer, first, exchange.attempts[-1], meter, asked.stream and exchange.endpoint in STREAMED)
    except RequestError as error:
        exchange.attempts[-1].fail(error)
        raise


async def _translating(gateway: Gateway, exchange: Exchange, arm: Arm, body: bytes) -> Sending:
    """The body sent in another protocol; waiting for the translation to be ready is not the provider's time."""
    if exchange.endpoint != CHAT:
        raise BadRequest(
            f"{exchange.endpoint}: {arm.endpoint.name} is reached by translation, and that serves {CHAT} alone",
            code="endpoint_not_served",
        )
    await gateway.translation.ready()
    return gateway.translation.send(_translated(exchange, arm, body))


async def _first_byte(sending: Sending, exchange: Exchange) -> tuple[UpstreamAnswer, bytes]:
    endpoint = exchange.attempts[-1].arm.endpoint
    seconds = endpoint.deployment.timeouts.first_byte
    try:
        with TimeLimit(seconds):
            answer = await sending
            note = exchange.attempts[-1]
            note.status, note.head = answer.status, answer.headers
            try:
                first = await answer.read()
            except BaseException:
                answer.release()
                raise
    except TransportError as error:
        raise failure(endpoint, error) from error
    except TimeoutError:
        message = f"{endpoint.name}: no answer began within {seconds:g} s"
        raise UpstreamTimeout(message, code="upstream_timeout") from None
    note.first_byte = time.perf_counter()
    return answer, first


async def next_piece(exchange: Exchange, begun: Begun) -> bytes:
    """The next piece of an answer, ``b""`` at its end; waits no longer than the deployment's idle and total times."""
    endpoint = begun.note.arm.endpoint
    limits = endpoint.deployment.timeouts
    left = exchange.started + limits.total - time.perf_counter()
    try:
        with TimeLimit(min(limits.idle, left)):
            return await begun.answer.read()
    except TransportError as error:
        raise broken_off(begun, error) from error
    except TimeoutError:
        raise stalled(begun) from None


def broken_off(begun: Begun, error: TransportError) -> UpstreamError:
    """The error of an answer whose connection broke before its end."""
    return _failed(begun, failure(begun.note.arm.endpoint, error))


def stalled(begun: Begun) -> UpstreamError:
    """The error of an answer of which nothing more came for the deployment's idle time, or that took too long."""
    message = f"{begun.note.arm.endpoint.name}: stalled in the middle of its answer"
    return _failed(begun, UpstreamTimeout(message, code="upstream_stalled"))


def _failed(begun: Begun, error: UpstreamError) -> UpstreamError:
    begun.note.fail(error)
    return error


def unreadable(begun: Begun) -> UpstreamError:
    """The error of a stream with an event that is no JSON."""
    name = begun.note.arm.endpoint.name
    return _failed(begun, UpstreamError(f"{name}: sent an event that is no JSON", code="upstream_bad_answer"))


def overflow(begun: Begun, limit: int) -> UpstreamError:
    """The error of an answer that is larger than what is held in memory of one."""
    return _failed(begun, failure(begun.note.arm.endpoint, too_large(limit)))


def failure(endpoint: Endpoint, error: TransportError) -> UpstreamError:
    """The error of a connection, as the caller is told of it."""
    if error.kind == "timeout":
        return UpstreamTimeout(f"{endpoint.name}: {error}", code="upstream_timeout")
    return UpstreamError(f"{endpoint.name}: {error}", code=f"upstream_{error.kind}")


def _request(exchange: Exchange, arm: Arm, body: bytes) -> UpstreamRequest:
    deployment = arm.endpoint.deployment
    url = deployment.base_url.rstrip("/") + exchange.endpoint
    headers = sent_headers(exchange.headers, arm.endpoint, exchange.request_id)
    headers.raw["content-type"] = b"application/json"
    return UpstreamRequest(
        url=f"{url}?{exchange.query.decode('latin-1')}" if exchange.query else url,
        headers=headers,
        body=body,
        connect_seconds=deployment.timeouts.connect,
        on_resend=partial(_resent, exchange),
    )


def _resent(exchange: Exchange, error: TransportError) -> None:
    """The transport sends the request again: the first time was an attempt that failed."""
    note = exchange.attempts[-1]
    note.fail(failure(note.arm.endpoint, error))
    exchange.attempt(note.arm, "retry")


def _translated(exchange: Exchange, arm: Arm, body: bytes) -> TranslatedRequest:
    assert exchange.asked is not None
    deployment = arm.endpoint.deployment
    return TranslatedRequest(
        name=deployment.name,
        provider=deployment.provider,
        model=deployment.model,
        base_url=deployment.base_url,
        api_key=arm.endpoint.api_key,
        body=body,
        stream=exchange.asked.stream,
        seconds=deployment.timeouts.total,
    )
