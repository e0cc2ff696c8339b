"""Answers a rejected request, and ends one that the worker no longer serves."""

from __future__ import annotations

import asyncio

from fairtrial.domain.errors import Unavailable
from gateway.proxy.admission.admission import DRAINING, Admission, Refusal
from gateway.proxy.http_server.request_cycle import RequestCycle

UNREAD_SECONDS = 2.0
"""How long the body of a rejected request is read before its connection is closed, so that the response arrives."""


async def refuse(admission: Admission, refusal: Refusal, cycle: RequestCycle, request_id: str) -> None:
    """Send the prepared response. If the connection stays open, the server skips the rest of the body."""
    admission.count(refusal.reason)
    if refusal.last:
        cycle.keep_alive = False
        if refusal.patient:
            await _skip_body(cycle)
    _answer(cycle, refusal, request_id)


def break_off(cycle: RequestCycle, request_id: str) -> None:
    """End a request when the worker ends: reject it, or break its connection if the response has started."""
    cycle.keep_alive = False
    if cycle.started:
        cycle.connection.close()
    else:
        _answer(cycle, DRAINING, request_id)


def _answer(cycle: RequestCycle, refusal: Refusal, request_id: str) -> None:
    named = b"x-request-id: %b\r\n" % request_id.encode()
    cycle.answer(Unavailable.status, [*refusal.lines, named], refusal.body)


async def _skip_body(cycle: RequestCycle) -> None:
    """Read the body, because closing with unread bytes would reset the connection and could lose the response."""
    try:
        async with asyncio.timeout(UNREAD_SECONDS):
            while (message := await cycle.receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        return
