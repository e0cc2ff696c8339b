"""C8: a stream that is silent is kept alive by comments, between events alone, and no client takes one for a chunk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.harness.stream_events import HELLO, event, wire
from tests.conformance.harness.stream_fixture import ASK, BEARER, VIEWS, Pair, gateway_before, told
from tests.fixtures.gateway.raw_client import RawClient, Received
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, Exchange

PING = b": ping\n\n"
EVERY = 0.1
FIRST, REST = wire(HELLO)[0], wire(HELLO)[1:]


@pytest.fixture(name="gateway", scope="module")
def gateway_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with gateway_before(tmp_path_factory.mktemp("alive"), keepalive=EVERY) as pair:
        yield pair


def _pinged(client: RawClient, got: Received, *, after: bytes = b"", pings: int = 2) -> None:
    """Receive until at least that many comments, and nothing else, came after these bytes."""

    def enough(got: Received) -> bool:
        if b"\r\n\r\n" not in got.wire or after not in got.body:
            return False
        rest = got.body.rpartition(after)[2] if after else got.body
        return rest.count(PING) >= pings

    client.more(got, enough)
    assert got.body.endswith(after + PING * pings) or got.body.endswith(PING * (pings + 1))


def test_c8_comments_come_before_the_first_token_and_between_events(pair: Pair) -> None:
    got = Received()
    with RawClient(pair.gateway) as client:
        client.post(ASK, **BEARER)
        asked = pair.upstream.next()
        _pinged(client, got)
        assert (got.status, got.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        asked.raw(STREAM_HEAD)
        _pinged(client, got, pings=4)
        asked.stream(FIRST)
        _pinged(client, got, after=FIRST)
        asked.stream(*REST)
        asked.end()
        client.more(got)
    assert got.body.replace(PING, b"") == FIRST + b"".join(REST)
    assert got.body.endswith(b"".join(REST)), "none after the end"
    assert pair.rig.await_events("request", 1)[-1]["outcome"] == "ok"


@pytest.mark.parametrize("at", [1, 8, len(FIRST) - 2, len(FIRST) - 1])
def test_c8_no_comment_comes_inside_of_an_event(pair: Pair, at: int) -> None:
    got = Received()
    with RawClient(pair.gateway) as client:
        client.post(ASK, **BEARER)
        asked = pair.upstream.next()
        asked.raw(STREAM_HEAD)
        asked.stream(FIRST, FIRST[:at])
        _pinged(client, got, after=FIRST)
        asked.stream(FIRST[at:])
        _pinged(client, got, after=FIRST)
        asked.stream(*REST)
        asked.end()
        client.more(got)
    assert got.body.replace(PING, b"") == FIRST + FIRST + b"".join(REST)
    events = got.body.split(b"\n\n")
    assert set(events) <= {b": ping", b"", *(made[:-2] for made in (FIRST, *REST))}


def test_c8_no_client_takes_a_comment_for_a_chunk(pair: Pair) -> None:
    def slowly(asked: Exchange) -> None:
        asked.raw(STREAM_HEAD)
        asked.stream(*wire(HELLO), pause=2.5 * EVERY)
        asked.end()

    pair.upstream.script = slowly
    ports = (pair.upstream.port, pair.gateway)
    with ThreadPoolExecutor() as pool:
        views = [[pool.submit(view, port, ASK) for port in ports] for view in VIEWS]
    for straight, through in views:
        assert told(through.result()) == told(straight.result())


def test_c8_an_answer_that_is_not_a_stream_is_waited_for_without_comments(pair: Pair) -> None:
    body = json.dumps({"id": "x", "choices": []}).encode()
    with RawClient(pair.gateway) as client:
        client.post({**ASK, "stream": False}, **BEARER)
        asked = pair.upstream.next()
        with RawClient(pair.gateway) as other:  # a stream beside it was kept alive in the meantime
            other.post(ASK, **BEARER)
            beside = pair.upstream.next()
            _pinged(other, Received(), pings=3)
        beside.await_gone()
        asked.json_answer(body)
        got = client.answer()
    assert (got.body, got.headers["content-type"]) == (body, "application/json")


def test_c8_what_fails_after_a_comment_had_to_leave_is_an_error_event_and_before_it_a_status(pair: Pair) -> None:
    late = _failed(pair, pings=1)
    body = late.body.replace(PING, b"")
    assert (late.status, json.loads(body.removeprefix(b"data: "))["error"]["code"]) == (200, "upstream_reset")
    assert body.startswith(b"data: ")
    for _ in range(50):  # on a busy machine a comment may be due before the failure is seen
        early = _failed(pair, pings=0)
        if PING not in early.body:
            break
    assert (early.status, json.loads(early.body)["error"]["code"]) == (502, "upstream_reset")


def _failed(pair: Pair, *, pings: int) -> Received:
    """The answer where the upstream closes after that many comments."""
    got = Received()
    with RawClient(pair.gateway) as client:
        client.post(ASK, **BEARER)
        asked = pair.upstream.next()
        if pings:
            _pinged(client, got, pings=pings)
        asked.close()
        client.more(got)
    return got


def test_c8_an_upstreams_error_after_a_comment_had_to_leave_is_an_error_event_with_its_words(pair: Pair) -> None:
    error = {"error": {"message": "too many", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    got = Received()
    with RawClient(pair.gateway) as client:
        client.post(ASK, **BEARER)
        asked = pair.upstream.next()
        _pinged(client, got)
        asked.json_answer(error, 429)
        client.more(got)
    body = got.body.replace(PING, b"")
    assert body.startswith(b"data: ") and body.endswith(b"\n\n")
    assert json.loads(body[6:]) == error
    assert event(error).count(b"\n") == body.count(b"\n")
    row = pair.rig.await_events("request", 1)[-1]
    assert row["error_code"] == "rate_limit_exceeded"
