"""Events stay whole however they are split, and unchanged except for the usage chunk that the gateway requested."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.money.tokens import Tokens
from gateway.proxy.extraction.chat_metadata import stream_metadata
from gateway.proxy.extraction.stream_assembly import StreamAssembler
from gateway.proxy.wire.sse import EventSplitter, as_event, contents, event_data, has_only_chunks, split_events
from tests.fixtures.for_each import for_each

USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4}}'
EVENTS = [
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"\xf0\x9f\x98\x80 \xd7\xa9"}}],"usage":null}',
    b": a comment",
    b'event: x\nid: 7\ndata: {"choices":[{"index":0,"delta":{"content":"\\"usage\\": {"},"finish_reason":"stop"}]}',
    USAGE,
    b"data: [DONE]",
]


def _through(stream: bytes, size: int, *, strip: bool) -> tuple[bytes, bytes, bool]:
    splitter = EventSplitter(strip_usage=strip)
    whole, out = b"", b""
    for start in range(0, len(stream), size):
        seen, sent = splitter.feed(stream[start : start + size])
        whole, out = whole + seen, out + sent
    seen, sent = splitter.rest()
    return whole + seen, out + sent, splitter.done


@for_each("newline", [b"\n", b"\r\n", b"\r"])
@for_each("size", [1, 2, 3, 7, 50, 10_000])
def test_every_byte_passes_however_it_is_split(newline: bytes, size: int) -> None:
    stream = b"".join(event.replace(b"\n", newline) + newline * 2 for event in EVENTS)
    assert _through(stream, size, strip=False) == (stream, stream, True)


@for_each("newline", [b"\n", b"\r\n", b"\r"])
@for_each("size", [1, 3, 50, 10_000])
def test_only_the_usage_chunk_is_held_back(newline: bytes, size: int) -> None:
    raw = [event.replace(b"\n", newline) + newline * 2 for event in EVENTS]
    whole, out, _ = _through(b"".join(raw), size, strip=True)
    assert whole == b"".join(raw)
    assert out == b"".join(event for event in raw if not event.startswith(USAGE))


_PARTS = [
    *EVENTS,
    b"data: ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\xef\xbb\xbf",
    b'"error"',
    b"[DONE]",
    b"x",
    b": c",
    b"\x00\xff",
]


@given(
    parts=st.lists(st.sampled_from(_PARTS) | st.binary(max_size=4), max_size=14),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    strip=st.booleans(),
)
def test_any_split_of_any_bytes_gives_the_same_events(parts: list[bytes], cuts: list[int], strip: bool) -> None:
    stream = b"".join(parts)
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    splitter = EventSplitter(strip_usage=strip)
    fed = [splitter.feed(piece) for piece in pieces]
    assert all(whole.endswith((b"\n", b"\r")) for whole, _ in fed if whole)
    fed.append(splitter.rest())
    assert b"".join(whole for whole, _ in fed) == stream
    output = b"".join(out for _, out in fed)
    assert (
        output == stream
        if not strip
        else _lines(output) == _lines(_through(stream, max(1, len(stream)), strip=True)[1])
    )
    assert contents(stream) == _lines(stream)
    assert splitter.done == _through(stream, max(1, len(stream)), strip=strip)[2]


def _lines(data: bytes) -> list[bytes]:
    return [event_data(event) for event in split_events(data) if event_data(event)]


_ENDS = [b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r", b"\r\n\n", b"\r\r\n", b"\r\n\r", b"\n\r\n"]
"""Every pair of line ends that ends an event, and one with an empty line behind it."""


_CUT = st.none() | st.integers(0, 6)
"""How many bytes before an event's end a piece ends; ``None`` for no split there."""


@given(
    events=st.lists(st.tuples(st.sampled_from([*EVENTS, b"data: 7"]), st.sampled_from(_ENDS), _CUT), max_size=8),
    strip=st.booleans(),
)
def test_a_client_gets_the_same_events_in_the_same_order(
    events: list[tuple[bytes, bytes, int | None]], strip: bool
) -> None:
    stream, cuts = b"", {0}
    for event, end, cut in events:
        stream += event + end
        cuts |= set() if cut is None else {len(stream) - cut}
    splitter, sent = EventSplitter(strip_usage=strip), b""
    for start, stop in pairwise(sorted(cuts | {len(stream)})):
        piece = stream[start:stop]
        sent += piece if splitter.passes(piece) else splitter.feed(piece)[1]
    sent += splitter.rest()[1]
    lines = sent.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    expected = [event for event, _, _ in events if not (strip and event == USAGE)]
    assert [event for event in re.split(rb"\n\n+", lines.strip(b"\n")) if event] == expected


def test_a_byte_order_mark_hides_no_data() -> None:
    assert event_data(b"\xef\xbb\xbfdata: a\n\n") == b"a"


def test_a_large_event_in_many_pieces_is_looked_at_once() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"a" * 2**20 + b'"}}]}\n\n'
    assert _through(event * 2, 1000, strip=True)[1] == event * 2


@pytest.mark.parametrize(
    "last",
    [
        b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r"}}\n\n',
        b'data: {"response":{"error":{"code":"x"}},"type":"response.failed"}\n\n',
        b'data: {"type":"response.incomplete"}\n\n',
        b'data: {"type":"error","code":"x","message":"m"}\n\n',
    ],
)
def test_a_responses_stream_ends_with_its_terminal_event(last: bytes) -> None:
    splitter = EventSplitter(strip_usage=False, responses=True)
    splitter.feed(b'data: {"type":"response.created","response":{"error":null,"text":"response.completed"}}\n\n')
    assert not splitter.done
    assert splitter.feed(last) == (last, last)
    assert splitter.done


def test_an_error_event_ends_a_stream_and_a_null_error_does_not() -> None:
    assert not _through(b'data: {"choices":[],"error":null}\n\n', 1000, strip=False)[2]
    assert _through(b'data: {"error":{"message":"m"}}\n\n', 1000, strip=False)[2]


def test_an_event_is_made_of_any_data() -> None:
    assert event_data(as_event(b'{"a":\n\n1}')) == b'{"a":\n\n1}'


def test_usage_in_a_chunk_with_choices_is_the_clients() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1}}\n\n'
    assert _through(event, 1000, strip=True)[1] == event


def test_a_last_event_without_its_empty_line_still_passes() -> None:
    assert _through(b"data: 1\n\ndata: 2", 4, strip=True)[1] == b"data: 1\n\ndata: 2"


def test_done_inside_a_text_is_not_the_end() -> None:
    assert not _through(b'data: {"choices":[{"delta":{"content":"[DONE]"}}]}\n\n', 1000, strip=False)[2]


def test_data_of_several_lines_is_joined() -> None:
    assert event_data(b"data: a\r\ndata:b\r\n\r\n") == b"a\nb"
    assert split_events(b"a\n\nb\r\n\r\nc") == [b"a\n\n", b"b\r\n\r\n", b"c"]


def test_the_record_reads_what_the_stream_held() -> None:
    read = stream_metadata(contents(b"\n\n".join([*EVENTS, b"data: {broken", b""])))
    assert (read.tokens, read.finish_reason, read.done) == (Tokens(input=7, output=4), "stop", True)
    assert (read.usage_source, read.response_id, read.refused) == ("provider", "c", False)


def test_a_stream_without_usage_has_unknown_tokens_and_not_zero() -> None:
    read = stream_metadata([b'{"choices":[{"index":0,"delta":{"refusal":"no"}}]}'])
    assert (read.tokens, read.usage_source, read.refused) == (None, "none", True)


def test_tool_calls_are_put_together_by_their_index() -> None:
    import json

    def delta(call: dict[str, object]) -> bytes:
        return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"

    events = [
        delta({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}),
        delta({"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": '{"y'}}),
        delta({"index": 0, "function": {"arguments": '{"x": 1}'}}),
        delta({"index": 1, "function": {"arguments": '": 2}'}}),
    ]
    assembly = StreamAssembler()
    assembly.add(contents(b"".join(events)))
    whole = json.loads(assembly.whole() or b"")
    calls = whole["choices"][0]["message"]["tool_calls"]
    assert [call["function"] for call in calls] == [
        {"name": "f", "arguments": '{"x": 1}'},
        {"name": "g", "arguments": '{"y": 2}'},
    ]


@pytest.mark.parametrize("cut", [None, 40])
def test_an_event_that_is_no_json_is_found_before_the_end_that_comes_with_it(cut: int | None) -> None:
    good, wrong, end = b'data: {"id": "a"}\n\n', b'data: {"choices": [oops\n\n', b"data: [DONE]\n\n"
    splitter = EventSplitter(strip_usage=True, checked=True)
    whole = good + wrong + good + end
    pieces = [whole] if cut is None else [whole[:cut], whole[cut:]]
    out = b"".join(splitter.feed(piece)[1] for piece in pieces)
    assert (out, splitter.broken, splitter.done) == (good, True, False)


CHUNK = b'data: {"choices":[]}\n\n'


@for_each(
    ("piece", "expected"),
    [
        (CHUNK, True),
        (CHUNK * 40, True),
        (CHUNK + b"data: [DONE]\n\n", False),
        (CHUNK + b": ping\n\n" + CHUNK, False),
        (CHUNK + CHUNK[:-1], False),
        (CHUNK + b"x", False),
        (CHUNK[:-2] + b"\nx\n", False),
        (b'data: {"a":\n1}\n\n' + CHUNK, False),
        (b'data: {"a":1},{"b":2}\n\n', False),
        (b'data: {"a":[\n\ndata: {}]}\n\n', False),
        (b"data: {}\n\ndata: 7\n\n", False),
        (b"data: {}\n\n\n\ndata: {}\n\n", False),
    ],
)
def test_whole_chunks_of_one_line_are_recognised_however_many_there_are(piece: bytes, expected: bool) -> None:
    assert has_only_chunks(piece) is expected


def test_chunks_that_arrive_together_pass_as_one_piece() -> None:
    splitter = EventSplitter(strip_usage=True, checked=True)
    assert splitter.passes(CHUNK * 3)
    assert not splitter.passes(CHUNK + USAGE + b"\n\n")
    assert not splitter.passes(CHUNK + b"data: {\n\n")
