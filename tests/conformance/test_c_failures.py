"""C10 and C11: a stream that fails before its first byte has a real status; one that fails later, an error event."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.harness.stream_events import DONE, HELLO, event, wire
from tests.conformance.harness.stream_fixture import ASK, BEARER, VIEWS, Pair, raw_answer, sync_view, told
from tests.fixtures.gateway.raw_client import RawClient
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, Exchange, plays

HASTY = {**ASK, "model": "hasty"}
ERROR = {"error": {"message": "overloaded", "type": "server_error", "param": None, "code": "busy"}}
BEGUN = wire(HELLO)[:2]


def _no_answer(asked: Exchange) -> None:
    asked.close()


def _reset(asked: Exchange) -> None:
    asked.reset()


def _only_a_head(asked: Exchange) -> None:
    asked.raw(STREAM_HEAD)
    time.sleep(0.02)
    asked.close()


def _no_http(asked: Exchange) -> None:
    asked.raw(b"hello\r\n\r\n")
    asked.close()


def _bad_chunk(asked: Exchange) -> None:
    asked.raw(STREAM_HEAD + b"zz\r\n")
    asked.close()


@pytest.mark.parametrize("script", [_no_answer, _reset, _only_a_head, _no_http, _bad_chunk])
def test_c10_an_upstream_that_fails_before_its_first_byte_is_a_502(
    pair: Pair, script: Callable[[Exchange], None]
) -> None:
    pair.upstream.script = script
    got = raw_answer(pair.gateway, ASK)
    assert (got.status, got.headers["content-type"]) == (502, "application/json")
    error = json.loads(got.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["code"], str)
    assert sync_view(pair.gateway, ASK).failure.kind == "InternalServerError"  # type: ignore[union-attr]


def test_c10_an_upstream_that_sends_nothing_in_time_is_a_504(pair: Pair) -> None:
    with RawClient(pair.gateway) as client:
        client.post(HASTY, **BEARER)
        asked = pair.upstream.next()
        asked.raw(STREAM_HEAD)
        got = client.answer()
        asked.await_gone()
    assert (got.status, json.loads(got.body)["error"]["code"]) == (504, "upstream_timeout")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_c10_an_upstreams_error_for_a_stream_keeps_its_status_and_body(pair: Pair, status: int) -> None:
    straight, through = pair.bodies(lambda asked: asked.json_answer(ERROR, status))
    assert (through.status, through.body) == (straight.status, straight.body) == (status, json.dumps(ERROR).encode())
    for view in VIEWS:
        told_straight, told_through = pair.both(lambda port, view=view: told(view(port, ASK)))  # type: ignore[misc]
        assert told_through == told_straight


def test_c10_an_answer_that_is_whole_json_passes_though_a_stream_was_asked_for(pair: Pair) -> None:
    straight, through = pair.bodies(lambda asked: asked.json_answer({"id": "x", "choices": []}))
    assert (through.body, through.headers["content-type"]) == (straight.body, "application/json")


def test_c10_a_stream_without_a_single_byte_is_an_error_event(pair: Pair) -> None:
    straight, through = pair.bodies(plays())
    assert (through.status, through.ending, straight.body) == (straight.status, straight.ending, b"")
    assert json.loads(through.body.removeprefix(b"data: "))["error"]["code"] == "upstream_incomplete"
    assert pair.rig.await_events("request", 1)[-1]["outcome"] == "partial"


@pytest.mark.parametrize("named", [b"", b"event: error\n"])
def test_c11_an_error_event_of_the_upstream_passes_as_it_came(pair: Pair, named: bytes) -> None:
    straight, through = pair.bodies(plays(*BEGUN, named + event(ERROR)))
    assert through.body == straight.body
    views = [pair.both(lambda port, view=view: told(view(port, ASK))) for view in VIEWS]  # type: ignore[misc]
    assert [through for _, through in views] == [straight for straight, _ in views]
    assert views[0][1]["failure"] == {
        "kind": "APIError", "status": None, "code": "busy", "type": "server_error", "body": ERROR["error"]
    }  # fmt: skip
    row = pair.rig.await_events("request", 1)[-1]
    assert (row["outcome"], row["error_type"], row["error_code"]) == ("partial", "server_error", "busy")


def test_c11_an_upstream_that_stalls_is_an_error_event_and_is_let_go(pair: Pair) -> None:
    with RawClient(pair.gateway) as client:
        client.post(HASTY, **BEARER)
        asked = pair.upstream.next()
        asked.raw(STREAM_HEAD)
        asked.stream(*BEGUN)
        got = client.answer()
        asked.await_gone()
    _is_broken_off(pair, got.body, "upstream_stalled")


@pytest.mark.parametrize("ending", ["reset", "close"])
@pytest.mark.parametrize("more", [b"", b'data: {"id":"half', b"data: {}\n"])
def test_c11_a_connection_that_breaks_is_an_error_event_after_the_last_whole_event(
    pair: Pair, ending: str, more: bytes
) -> None:
    pair.upstream.script = plays(*BEGUN, *([more] if more else []), ending=ending, pause=0.02)
    got = raw_answer(pair.gateway, ASK)
    assert got.ending == "whole"
    _is_broken_off(pair, got.body, "upstream_reset")


@pytest.mark.parametrize("ending", ["reset", "close"])
def test_c11_a_connection_that_breaks_is_an_api_error_to_the_official_client(pair: Pair, ending: str) -> None:
    pair.upstream.script = plays(*BEGUN, ending=ending, pause=0.02)
    for view in VIEWS[:2]:
        seen = view(pair.gateway, ASK)
        assert seen.failure is not None
        assert (len(seen.chunks), seen.failure.kind, seen.failure.code) == (2, "APIError", "upstream_reset")


@pytest.mark.parametrize(
    "wrong", [b'data: {"choices": [oops\n\n', b"data: oops\n\n", b'data: {"id": "c"}\ndata: }\n\n']
)
def test_c11_a_line_that_is_not_json_ends_the_stream_with_an_error_of_the_api(pair: Pair, wrong: bytes) -> None:
    straight, through = pair.bodies(plays(*BEGUN, wrong, *wire(HELLO)[2:]))
    assert wrong in straight.body
    _is_broken_off(pair, through.body, "upstream_bad_answer")
    for view in VIEWS[:2]:
        seen = view(pair.gateway, ASK)
        assert seen.failure is not None
        assert (len(seen.chunks), seen.failure.kind, seen.failure.code) == (2, "APIError", "upstream_bad_answer")


@pytest.mark.parametrize("together", [False, True])
def test_c11_what_came_before_a_line_that_is_not_json_is_kept(pair: Pair, together: bool) -> None:
    rest = [wire(HELLO)[2], b"data: [oops\n\n", wire(HELLO)[2]]
    pair.upstream.script = plays(*BEGUN, *([b"".join(rest)] if together else rest), pause=0.02)
    body = raw_answer(pair.gateway, ASK).body
    assert body.startswith(b"".join([*BEGUN, wire(HELLO)[2]]))
    assert b"oops" not in body and body.count(b"upstream_bad_answer") == 1


@pytest.mark.parametrize("with_begun", [False, True])
def test_c11_a_line_that_is_not_json_is_found_in_one_piece_with_the_stream_s_end(pair: Pair, with_begun: bool) -> None:
    wrong, rest = b'data: {"choices": [oops\n\n', wire(HELLO)[2:]
    pieces = [b"".join([*BEGUN, wrong, *rest])] if with_begun else [*BEGUN, b"".join([wrong, *rest])]
    pair.upstream.script = plays(*pieces, pause=0.02)
    _is_broken_off(pair, raw_answer(pair.gateway, ASK).body, "upstream_bad_answer")


def test_c11_what_comes_behind_the_stream_s_end_is_nobody_s_error(pair: Pair) -> None:
    straight, through = pair.bodies(plays(b"".join([*wire(HELLO), b"data: oops\n\n"])))
    assert through.body == straight.body
    assert pair.rig.await_events("request", 1)[-1]["outcome"] == "ok"


def test_c11_a_stream_that_ends_in_the_middle_of_an_event_is_broken_off(pair: Pair) -> None:
    pair.upstream.script = plays(*BEGUN, wire(HELLO)[2][:20])
    _is_broken_off(pair, raw_answer(pair.gateway, ASK).body, "upstream_bad_answer")


def test_c11_an_unknown_event_that_is_not_json_does_not_end_a_healthy_stream(pair: Pair) -> None:
    odd = [b"event: vendor.ping\ndata: not json\n\n", b"vendor: x\n\n", b"data:\n\n", b"data: 7\n\n", b"data: []\n\n"]
    straight, through = pair.bodies(plays(*BEGUN, *odd, *wire(HELLO)[2:]))
    assert through.body == straight.body
    row = pair.rig.await_events("request", 1)[-1]
    assert (row["outcome"], row["error_code"]) == ("ok", None)


def test_c11_an_address_where_nothing_listens_is_a_502_for_a_stream_too(pair: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    pair.publish(f"http://127.0.0.1:{port}/v1")
    try:
        got = raw_answer(pair.gateway, ASK)
        assert (got.status, json.loads(got.body)["error"]["code"]) == (502, "upstream_connect")
    finally:
        pair.publish(pair.upstream.url)


def _is_broken_off(pair: Pair, body: bytes, code: str) -> None:
    """Whole events, then one error event; nothing that looks like an end; recorded as partial."""
    begun = b"".join(BEGUN)
    assert body.startswith(begun)
    rest = body.removeprefix(begun)
    assert rest.startswith(b"data: ") and rest.endswith(b"\n\n") and rest.count(b"\n") == 2
    error: dict[str, Any] = json.loads(rest[6:])["error"]
    assert error["code"] == code
    assert DONE not in body and b'"finish_reason": "stop"' not in body
    row = pair.rig.await_events("request", 1)[-1]
    assert (row["outcome"], row["error_code"], row["status"]) == ("partial", code, 200)
