"""Answers a request that is turned away, and ends one that the worker no longer serves."""

from __future__ import annotations

import asyncio

from fairtrial.domain.errors import Unavailable
from gateway.proxy.admission.admission import DRAINING, Admission, Refusal
from gateway.proxy.http_server.request_cycle import Turn

UNREAD_SECONDS = 2.0
"""How long the body of a refused request is read before its connection is closed, so that the answer arrives."""


async def refuse(admission: Admission, refusal: Refusal, turn: Turn, request_id: str) -> None:
    """Answer at once. Where the connection stays, what is still to come of the body is skipped by the server."""
    admission.count(refusal.reason)
    if refusal.last:
        turn.keep_alive = False
        if refusal.patient:
            await _skip_body(turn)
    _answer(turn, refusal, request_id)


def break_off(turn: Turn, request_id: str) -> None:
    """For a request that nobody else told of the end: refuse it; if its answer has begun, its connection breaks."""
    turn.keep_alive = False
    if turn.started:
        turn.line.close()
    else:
        _answer(turn, DRAINING, request_id)


def _answer(turn: Turn, refusal: Refusal, request_id: str) -> None:
    named = b"x-request-id: %b\r\n" % request_id.encode()
    turn.answer(Unavailable.status, [*refusal.lines, named], refusal.body)


async def _skip_body(turn: Turn) -> None:
    """Closing with unread bytes would reset the connection, and the client might never see its answer."""
    try:
        async with asyncio.timeout(UNREAD_SECONDS):
            while (message := await turn.receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        return
