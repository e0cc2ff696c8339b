"""The hot path: one request from its headers to its last byte, as a staircase in the order of the calls."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from fairtrial.domain.errors import Overloaded, RateLimited, RequestError
from gateway.proxy.exchange import CLIENT_CLOSED, Exchange
from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.http_server.request_reader import read_body
from gateway.proxy.recording.record import record
from gateway.proxy.response.disconnect import leave
from gateway.proxy.response.respond import answer
from gateway.proxy.response.response_headers import variant_lines
from gateway.proxy.routing.authentication import authenticate
from gateway.proxy.routing.continuation import CHAINED, stay
from gateway.proxy.routing.named_headers import refuse_control_characters
from gateway.proxy.routing.resolve import resolve
from gateway.proxy.wire.asgi import ClientGone, lines_of, require_json
from gateway.proxy.wire.openai_errors import error_body, error_headers
from gateway.proxy.wire.request_body import read_asked
from gateway.proxy.worker_state import Gateway

BROKE_OFF = "upstream_reset"
"""The upstream may or may not have read the request, which the gateway then doesn't repeat (RFC 9110 §9.2.2). A model's
answer can be asked for again, so the caller is told to: its own retry is counted by ``x-stainless-retry-count``."""

_LOG = logging.getLogger(__name__)


async def complete(gateway: Gateway, endpoint: str, turn: Turn, query: bytes) -> None:
    """Serve one request for a model; ``endpoint`` is the path below ``/v1``, the same on the upstream."""
    exchange = Exchange.begin(endpoint, turn.headers, query=query)
    try:
        await _serve(gateway, exchange, turn)
    except ClientGone:
        _left(gateway, exchange)
    except asyncio.CancelledError:
        stopped = gateway.admission.broken_off(client_gone=exchange.client_gone)
        if stopped is not None and exchange.status == CLIENT_CLOSED:
            return _refuse(gateway, exchange, stopped, turn)
        _left(gateway, exchange)
        if not exchange.client_gone:
            raise
        assert turn.task is not None
        turn.task.uncancel()
    except (Overloaded, RateLimited) as error:
        turn.answer(error.status, lines_of(error_headers(error, exchange.request_id)), error_body(error))
    except RequestError as error:
        if exchange.client_gone:
            exchange.error = error
            _left(gateway, exchange)
        else:
            _refuse(gateway, exchange, error, turn)
    except Exception:  # the fence of the hot path: a mistake of ours is one failed request, in the envelope
        _LOG.exception("request %s failed", exchange.request_id)
        if exchange.status != CLIENT_CLOSED:
            raise  # the answer has begun: the server closes the connection, and the client sees that it broke off
        _refuse(gateway, exchange, RequestError("the gateway failed", code="gateway_failed"), turn)
    finally:
        exchange.forget()


async def _serve(gateway: Gateway, exchange: Exchange, turn: Turn) -> None:
    exchange.routing = gateway.watch.current()
    caller = authenticate(exchange.routing, exchange.headers, turn, proxies=gateway.proxies, now_us=exchange.at_us)
    caller.require("complete")
    exchange.caller = caller
    gateway.admission.claim(turn, caller.key_id)
    refuse_control_characters(exchange.headers)
    require_json(exchange.headers)
    exchange.asked = read_asked(await read_body(turn, gateway.admission, limit=gateway.max_body))
    exchange.target = resolve(exchange.routing, caller, exchange.asked, exchange.headers, exchange.request_id)
    if exchange.endpoint in CHAINED:
        exchange.target = stay(gateway, exchange)
    if turn.gone:
        raise ClientGone
    assert turn.task is not None
    turn.on_gone = partial(leave, exchange, turn.task)
    try:
        await answer(gateway, exchange, turn)
    finally:
        turn.on_gone = None


def _left(gateway: Gateway, exchange: Exchange) -> None:
    exchange.outcome = "cancelled"
    if exchange.attempts and exchange.attempts[-1].ended is None:
        exchange.attempts[-1].ended = time.perf_counter()
    record(gateway, exchange)


def _refuse(gateway: Gateway, exchange: Exchange, error: RequestError, turn: Turn) -> None:
    exchange.error, exchange.status, exchange.outcome = error, error.status, "error"
    gateway.counters.refused += 1
    record(gateway, exchange)
    lines = lines_of(error_headers(error, exchange.request_id)) + variant_lines(exchange)
    if error.code == BROKE_OFF:
        lines.append(b"x-should-retry: true\r\n")
    turn.answer(error.status, lines, error_body(error))
