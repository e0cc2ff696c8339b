"""The moments at which a caller may leave a request, and what must be true of each afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.conformance.harness.stream_events import HELLO, wire
from tests.conformance.harness.stream_fixture import ASK, Pair
from tests.fixtures.gateway.raw_client import RawClient, Received
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.manual_upstream import JSON_HEAD, STREAM_HEAD, Exchange
from tests.fixtures.waiting import until

WHOLE = {name: value for name, value in ASK.items() if name != "stream"}
Moment = Callable[[Exchange, RawClient], None]


def before_headers(asked: Exchange, client: RawClient) -> None:
    """Nothing was sent."""


def before_the_first_token(asked: Exchange, client: RawClient) -> None:
    asked.raw(STREAM_HEAD)


def mid_stream(asked: Exchange, client: RawClient) -> None:
    _send(asked, client, wire(HELLO)[:2])


def after_the_last_token(asked: Exchange, client: RawClient) -> None:
    _send(asked, client, wire(HELLO)[:-1])


def in_the_middle_of_an_event(asked: Exchange, client: RawClient) -> None:
    _send(asked, client, wire(HELLO)[:1])
    asked.stream(b'data: {"half')


def in_the_middle_of_an_answer(asked: Exchange, client: RawClient) -> None:
    asked.raw(JSON_HEAD % (200, 100) + b'{"id":')


def _send(asked: Exchange, client: RawClient, pieces: list[bytes]) -> None:
    """Send these and wait until they reached the client, so that what follows happens after them."""
    asked.raw(STREAM_HEAD)
    asked.stream(*pieces)
    got = Received()
    client.more(got, lambda got: got.body == b"".join(pieces) if b"\r\n\r\n" in got.wire else False)


STREAMED = [before_headers, before_the_first_token, mid_stream, in_the_middle_of_an_event, after_the_last_token]
MOMENTS = [*((ASK, moment) for moment in STREAMED), (WHOLE, before_headers), (WHOLE, in_the_middle_of_an_answer)]
NAMES = [f"{'stream' if 'stream' in ask else 'json'}_{moment.__name__}" for ask, moment in MOMENTS]
each_moment = pytest.mark.parametrize(("ask", "moment"), MOMENTS, ids=NAMES)


@contextmanager
def one_row(pair: Pair, outcome: str = "cancelled") -> Iterator[dict[str, Any]]:
    """What happens inside is recorded once, and holds nothing afterwards."""
    row: dict[str, Any] = {}
    yield row
    row.update(pair.rig.await_events("request", 1)[-1])
    until(lambda: _in_flight(pair) == 0)
    assert [len(pair.rig.events(kind)) for kind in ("request", "attempt")] == [1, 1]
    assert row["outcome"] == outcome


def _in_flight(pair: Pair) -> int:
    return int(total(httpx.get(f"{pair.rig.root}/metrics").text, "in_flight"))
