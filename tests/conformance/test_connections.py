"""A connection of a client's: many requests on one, sent in any pieces, each with its own answer."""

from __future__ import annotations

import json

import pytest

from tests.conformance.harness.stream_events import DONE, chunk, event
from tests.conformance.harness.stream_fixture import ASK, BEARER, CHAT, Pair
from tests.fixtures.gateway.raw_client import RawClient, Received, request_bytes
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, Exchange

WHOLE = {name: value for name, value in ASK.items() if name != "stream"}


def _echo(asked: Exchange) -> None:
    """Answer with the user's own name, in the way that the name says."""
    user = asked.json["user"]
    if user.startswith("error"):
        return asked.json_answer({"error": {"message": user, "type": "t", "param": None, "code": "c"}}, 400)
    if not asked.json.get("stream"):
        return asked.json_answer({"id": user, "choices": []})
    asked.raw(STREAM_HEAD)
    asked.stream(event(chunk({"content": user})))
    if user.startswith("broken"):
        return asked.close()
    asked.stream(DONE)
    return asked.end()


def _request(user: str, **headers: str) -> bytes:
    ask = {**(WHOLE if user.startswith("whole") else ASK), "user": user}
    return request_bytes(ask, headers={**BEARER, **headers})


USERS = ["stream-1", "whole-2", "error-3", "stream-4", "broken-5", "whole-6", "stream-7"]


def test_a_connection_serves_the_next_request_after_any_answer(pair: Pair) -> None:
    pair.upstream.script = _echo
    with RawClient(pair.gateway) as client:
        for user in USERS:
            client.send(_request(user))
            got = client.answer()
            assert got.ending == "whole"
            assert user.encode() in got.body
            assert got.status == (400 if user.startswith("error") else 200)
        client.send(request_bytes({"model": "nothing", "messages": []}, headers=BEARER))
        assert client.answer().status == 404
        client.send(request_bytes(b"{", headers=BEARER))
        assert client.answer().status == 400
        client.send(_request("stream-8"))
        assert b"stream-8" in client.answer().body


def test_requests_sent_all_at_once_are_answered_in_their_order(pair: Pair) -> None:
    pair.upstream.script = _echo
    users = [user for user in USERS if not user.startswith("broken")]
    with RawClient(pair.gateway) as client:
        client.send(b"".join(_request(user) for user in users[:-1]) + _request(users[-1], connection="close"))
        wire = b""
        while piece := client.receive():
            wire += piece
    places = [wire.index(user.encode()) for user in users]
    assert places == sorted(places)
    assert wire.count(b"HTTP/1.1 ") == len(users)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_request_that_comes_in_pieces_reaches_the_upstream_whole(pair: Pair, size: int) -> None:
    ask = {**WHOLE, "user": "ü🙂 \u0000", "numbers": [1.50, 10**30]}
    sent = request_bytes(ask, headers=BEARER)
    with RawClient(pair.gateway) as client:
        for start in range(0, len(sent), size):
            client.send(sent[start : start + size])
        asked = pair.upstream.next()
        asked.json_answer({"id": "x", "choices": []})
        assert client.answer().status == 200
    assert asked.json == {**ask, "model": "plain-model"}


def test_a_request_in_chunks_reaches_the_upstream_whole(pair: Pair) -> None:
    body = json.dumps(WHOLE).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
    with RawClient(pair.gateway) as client:
        client.send((head + "authorization: " + BEARER["authorization"] + "\r\n\r\n").encode())
        for at in range(0, len(body), 9):
            client.send(b"%x\r\n%b\r\n" % (len(body[at : at + 9]), body[at : at + 9]))
        client.send(b"0\r\n\r\n")
        asked = pair.upstream.next()
        asked.json_answer({"id": "x", "choices": []})
        assert client.answer().status == 200
    assert asked.json == {**WHOLE, "model": "plain-model"}


def test_a_client_that_asks_whether_to_go_on_is_told_to(pair: Pair) -> None:
    sent = request_bytes(WHOLE, headers={**BEARER, "expect": "100-continue"})
    head, _, body = sent.partition(b"\r\n\r\n")
    with RawClient(pair.gateway) as client:
        client.send(head + b"\r\n\r\n")
        first = Received()
        client.more(first, lambda got: b"\r\n\r\n" in got.wire)
        assert first.wire == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(body)
        asked = pair.upstream.next()
        asked.json_answer({"id": "x", "choices": []})
        assert client.answer().status == 200
    assert b"expect" not in asked.head.lower()


def test_an_old_client_gets_a_stream_that_ends_with_its_connection(pair: Pair) -> None:
    pair.upstream.script = _echo
    with RawClient(pair.gateway) as client:
        client.send(_request("stream-1").replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        got = client.answer()
    assert got.ending == "closed"
    assert "transfer-encoding" not in got.headers
    assert got.body == event(chunk({"content": "stream-1"})) + DONE
