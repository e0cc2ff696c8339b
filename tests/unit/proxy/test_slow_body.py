"""A body that stops coming is given up, and its connection with it; one that is slow but comes is waited for."""

from __future__ import annotations

import asyncio

import pytest

from fairtrial.domain.errors import TooLarge, TooSlow
from gateway.proxy.errors import error_headers
from gateway.proxy.wire import ClientGone, Message, Receive, read_body

PATIENCE = 0.3


def coming(*pieces: bytes, every: float = 0.0, whole: bool) -> Receive:
    """A caller that sends these pieces; where they are not the whole body, nothing more ever comes."""
    left = list(pieces)

    async def receive() -> Message:
        await asyncio.sleep(every)
        if not left:
            await asyncio.Event().wait()
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left) or not whole}

    return receive


@pytest.mark.parametrize("pieces", [(), (b"{",), (b"{", b'"a": ')])
async def test_a_body_that_stops_coming_is_given_up(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(TooSlow, match="stopped coming"):
        await read_body(coming(*pieces, whole=False), limit=100, patience=PATIENCE)
    assert not asyncio.current_task().cancelling()


async def test_a_body_that_is_too_large_and_stops_is_given_up_too() -> None:
    with pytest.raises(TooSlow):
        await read_body(coming(b"x" * 101, whole=False), limit=100, patience=PATIENCE)
    with pytest.raises(TooLarge):
        await read_body(coming(b"x" * 101, whole=True), limit=100, patience=PATIENCE)


async def test_a_body_that_comes_slowly_is_read_to_its_end_however_long_that_takes_in_all() -> None:
    slowly = coming(*[b"x"] * 8, every=PATIENCE / 4, whole=True)
    assert await read_body(slowly, limit=100, patience=PATIENCE) == b"x" * 8


async def test_a_caller_that_leaves_in_the_middle_has_left() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGone):
        await read_body(gone, limit=100, patience=PATIENCE)


def test_the_connection_of_a_body_that_stopped_is_closed() -> None:
    assert (b"connection", b"close") in error_headers(TooSlow("stopped", code="request_timeout"), "id")
