"""The hot path: one request from its headers to its last byte, as a staircase in the order of the calls."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from fairtrial.domain.errors import RequestError
from gateway.proxy.answer_headers import variant_headers
from gateway.proxy.answering import answer
from gateway.proxy.asked import LazyFields, read_asked
from gateway.proxy.client_watch import ClientWatch
from gateway.proxy.errors import error_body, error_headers
from gateway.proxy.exchange import CLIENT_CLOSED, Exchange
from gateway.proxy.gateway import Gateway
from gateway.proxy.keys import authenticate
from gateway.proxy.leaving import leave
from gateway.proxy.recording import record
from gateway.proxy.resolve import Ask, resolve
from gateway.proxy.responses_chain import CHAINED, stay
from gateway.proxy.wire import ClientGone, Receive, Scope, Send, header_map, read_body, require_json, send_whole

_LOG = logging.getLogger(__name__)


async def complete(gateway: Gateway, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request for a model; ``endpoint`` is the path below ``/v1``, the same on the upstream."""
    exchange = Exchange.begin(endpoint, header_map(scope), query=scope["query_string"])
    try:
        await _serve(gateway, exchange, receive, send)
    except ClientGone:
        _left(gateway, exchange)
    except asyncio.CancelledError:
        stopped = gateway.admission.broken_off(client_gone=exchange.client_gone)
        if stopped is not None and exchange.status == CLIENT_CLOSED:
            return await _refuse(gateway, exchange, stopped, send)
        _left(gateway, exchange)
        if not exchange.client_gone:
            raise
        _own_task().uncancel()
    except RequestError as error:
        if exchange.client_gone:
            exchange.error = error
            _left(gateway, exchange)
        else:
            await _refuse(gateway, exchange, error, send)
    except Exception:  # the fence of the hot path: a mistake of ours is one failed request, in the envelope
        _LOG.exception("request %s failed", exchange.request_id)
        if exchange.status != CLIENT_CLOSED:
            raise  # the answer has begun: the server closes the connection, and the client sees that it broke off
        await _refuse(gateway, exchange, RequestError("the gateway failed", code="gateway_failed"), send)


async def _serve(gateway: Gateway, exchange: Exchange, receive: Receive, send: Send) -> None:
    exchange.routing = gateway.watch.current()
    caller = authenticate(exchange.routing, exchange.headers, now_us=exchange.at_us)
    caller.require("complete")
    exchange.caller = caller
    require_json(exchange.headers)
    exchange.asked = read_asked(await read_body(receive, limit=gateway.max_body))
    ask = Ask(exchange.asked.model, exchange.headers, LazyFields(exchange.asked.fields), exchange.request_id)
    exchange.target = resolve(exchange.routing, caller, ask)
    if exchange.endpoint in CHAINED:
        exchange.target = stay(gateway, exchange)
    watch = ClientWatch(receive, partial(leave, exchange, _own_task()))
    try:
        await answer(gateway, exchange, send)
    finally:
        watch.close()


def _left(gateway: Gateway, exchange: Exchange) -> None:
    exchange.outcome = "cancelled"
    if exchange.attempts and exchange.attempts[-1].ended is None:
        exchange.attempts[-1].ended = time.perf_counter()
    record(gateway, exchange)


async def _refuse(gateway: Gateway, exchange: Exchange, error: RequestError, send: Send) -> None:
    exchange.error, exchange.status, exchange.outcome = error, error.status, "error"
    gateway.counters.refused += 1
    record(gateway, exchange)
    headers = error_headers(error, exchange.request_id) + variant_headers(exchange)
    await send_whole(send, error.status, error_body(error), headers=headers)


def _own_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task
