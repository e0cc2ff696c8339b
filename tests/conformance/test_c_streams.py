"""C1 to C7 and C9: a stream's bytes, chunks and framing are the upstream's, for every client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.harness.stream_events import (
    BASE,
    CONTENT,
    DONE,
    FRAMINGS,
    HELLO,
    ROLE,
    STOP,
    USAGE,
    chunk,
    event,
    speaks_as_asked,
    wire,
)
from tests.conformance.harness.stream_fixture import ASK, BEARER, CHAT, VIEWS, Pair, raw_answer, sync_view, told
from tests.fixtures.gateway.raw_client import RawClient, Received
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, plays

WITH_USAGE = {**ASK, "stream_options": {"include_usage": True}}
SMALL = "".join(['data: {"choices":[{"index":0,"delta":{"content":"ü😀"}}]}\r\n\r\n', "data: [DONE]\r\n\r\n"]).encode()
MIXED = (
    b"".join(
        b'data: {"choices":[]}' + ends
        for ends in (b"\r\r", b"\n\n", b"\r\n\r\n", b"\n\r", b"\r\r\n", b"\r\n\n", b"\r\n\r")
    )
    + b"data: [DONE]\n\n"
)
"""Every pair of line ends that ends an event, one after the other."""

READABLE = sorted(set(FRAMINGS) - {"a BOM before the first event"})
"""The official client itself takes a BOM for a part of a field's name."""


def _equal(pair: Pair, ask: dict[str, Any] = ASK) -> None:
    for view in VIEWS:
        straight, through = pair.both(lambda port, view=view: view(port, ask))  # type: ignore[misc]
        assert told(through) == told(straight), view.__name__


def test_c1_the_head_of_a_stream_is_uncompressed_uncached_and_unbuffered(pair: Pair) -> None:
    pair.upstream.script = plays(*wire(HELLO))
    with RawClient(pair.gateway) as client:
        client.post(ASK, CHAT, accept_encoding="gzip, deflate, br", **BEARER)
        got = client.answer()
    assert (got.status, got.ending) == (200, "whole")
    names = ("content-type", "cache-control", "x-accel-buffering", "content-encoding", "content-length")
    assert [got.headers.get(name) for name in names] == [
        "text/event-stream; charset=utf-8", "no-cache", "no", None, None
    ]  # fmt: skip


def test_c1_each_event_arrives_before_the_upstream_sends_the_next(pair: Pair) -> None:
    with RawClient(pair.gateway) as client:
        client.post(ASK, **BEARER)
        asked = pair.upstream.next()
        asked.raw(STREAM_HEAD)
        got = Received()
        for count, made in enumerate(wire(HELLO), 1):
            asked.stream(made)
            client.more(got, lambda got, count=count: len(got.chunks) >= count)  # type: ignore[misc]
            assert got.chunks == wire(HELLO)[:count], "one chunk for each event"
        asked.end()
        client.more(got)
    assert (got.ending, got.body) == ("whole", b"".join(wire(HELLO)))


@pytest.mark.parametrize("case", CONTENT)
def test_c2_to_c7_a_stream_of_chunks_is_the_same_with_the_gateway_between(pair: Pair, case: str) -> None:
    straight, through = pair.bodies(plays(*wire(CONTENT[case])))
    assert through.body == straight.body == b"".join(wire(CONTENT[case]))
    _equal(pair)


def test_c5_usage_that_was_asked_for_comes_once_on_a_chunk_without_choices(pair: Pair) -> None:
    straight, through = pair.bodies(speaks_as_asked(HELLO), WITH_USAGE)
    assert through.body == straight.body
    assert through.body.count(DONE) == 1
    _equal(pair, WITH_USAGE)
    last = sync_view(pair.gateway, WITH_USAGE).chunks
    assert [made["usage"] for made in last] == [None] * len(HELLO) + [USAGE]


def test_c5_usage_that_we_asked_for_reaches_the_record_and_not_the_client(pair: Pair) -> None:
    straight, through = pair.bodies(speaks_as_asked(HELLO))
    assert straight.body == b"".join(wire(HELLO))
    allowed = b"".join(wire([{**made, "usage": None} for made in HELLO]))  # on the list of differences
    assert through.body == allowed
    record = pair.rig.await_events("request", 1)[-1]
    assert (record["tokens_in"], record["tokens_out"], record["usage_source"]) == (7, 4, "provider")


@pytest.mark.parametrize("options", [None, {"include_usage": False}, {"include_obfuscation": False}])
def test_c5_the_callers_other_stream_options_reach_the_upstream(pair: Pair, options: dict[str, bool] | None) -> None:
    with RawClient(pair.gateway) as client:
        client.post({**ASK, "stream_options": options}, **BEARER)
        asked = pair.upstream.next()
        plays(*wire(HELLO))(asked)
        client.answer()
    assert asked.json["stream_options"] == {**(options or {}), "include_usage": True}


def test_c5_usage_on_a_chunk_with_choices_is_counted_and_forwarded(pair: Pair) -> None:
    chunks = [ROLE, chunk({"content": "x"}, usage={**USAGE, "completion_tokens": 1}), {**STOP, "usage": USAGE}]
    straight, through = pair.bodies(plays(*wire(chunks)))
    assert through.body == straight.body
    assert pair.rig.await_events("request", 1)[-1]["tokens_out"] == 4


def test_c5_only_the_usage_chunk_is_held_back_from_among_events_of_one_segment(pair: Pair) -> None:
    usage = event({**BASE, "choices": [], "usage": USAGE})
    inside = event(chunk({"content": '{"choices":[],"usage":{"prompt_tokens":1}}'}))
    pieces = [event(ROLE), inside, usage.replace(b'"usage": {', b'"usage" :\t{'), event(STOP), usage, DONE]
    _, through = pair.bodies(plays(b"".join(pieces)))
    assert through.body == b"".join([event(ROLE), inside, event(STOP), DONE])


@pytest.mark.parametrize("case", FRAMINGS)
def test_c9_the_bytes_of_a_framing_pass_as_they_came(pair: Pair, case: str) -> None:
    straight, through = pair.bodies(plays(*FRAMINGS[case]))
    assert (through.status, through.ending) == (200, "whole")
    assert through.body == straight.body == b"".join(FRAMINGS[case])


@pytest.mark.parametrize("case", READABLE)
def test_c9_the_official_client_reads_a_framing_as_it_does_straight(pair: Pair, case: str) -> None:
    pair.upstream.script = plays(*FRAMINGS[case], pause=0)
    for view in VIEWS[:2]:
        straight, through = pair.both(lambda port, view=view: view(port, ASK))  # type: ignore[misc]
        assert told(through) == told(straight), view.__name__


def test_c9_a_stream_cut_at_any_byte_arrives_as_it_was(pair: Pair) -> None:
    for stream in (SMALL, MIXED):
        for at in range(1, len(stream)):
            pair.upstream.script = plays(stream[:at], stream[at:], pause=0.001)
            assert raw_answer(pair.gateway, ASK).body == stream, f"{stream!r} cut at byte {at}"
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'
    for ends in (b"\n", b"\r\n", b"\r"):
        first, held, last = (made.replace(b"\n", ends) for made in (event(ROLE), usage, DONE))
        for at in range(len(held) + 1):
            pair.upstream.script = plays(first + held[:at], held[at:] + last, pause=0.001)
            assert raw_answer(pair.gateway, ASK).body == first + last, f"usage with {ends!r} cut at byte {at}"


def test_c9_a_stream_that_comes_byte_by_byte_is_sent_on_in_whole_events(pair: Pair) -> None:
    pair.upstream.script = plays(*(bytes([byte]) for byte in SMALL), pause=0.0005)
    got = raw_answer(pair.gateway, ASK)
    assert got.body == SMALL
    for piece in got.chunks:
        assert piece.endswith((b"\r", b"\n")) or piece == b"", "an event may end with CR, its LF is an empty line then"


def test_c9_a_stream_without_chunked_encoding_ends_with_its_connection(pair: Pair) -> None:
    def script(asked: Any) -> None:
        asked.raw(b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + b"".join(wire(HELLO)))
        asked.close()

    straight, through = pair.bodies(script)
    assert (straight.ending, through.ending) == ("closed", "whole")
    assert through.body == straight.body


def test_c9_a_stream_of_a_stated_length_passes(pair: Pair) -> None:
    body = b"".join(wire(HELLO))

    def script(asked: Any) -> None:
        asked.raw(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        asked.end(chunked=False)

    straight, through = pair.bodies(script)
    assert through.body == straight.body == body
    assert json.loads(through.chunks[0].split(b"\n")[0][6:])["id"] == "chatcmpl-1"
