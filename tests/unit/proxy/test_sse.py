"""Events on their way through: whole at every split, untouched but for the usage chunk that we asked for."""

from __future__ import annotations

import pytest

from gateway.proxy.assemble import assemble
from gateway.proxy.readout import read_stream
from gateway.proxy.sse import EventCutter, event_data, split_events

USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4}}'
EVENTS = [
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"\xf0\x9f\x98\x80 \xd7\xa9"}}],"usage":null}',
    b": a comment",
    b'event: x\nid: 7\ndata: {"choices":[{"index":0,"delta":{"content":"\\"usage\\": {"},"finish_reason":"stop"}]}',
    USAGE,
    b"data: [DONE]",
]


def _through(stream: bytes, size: int, *, strip: bool) -> tuple[bytes, bytes, bool]:
    cutter = EventCutter(strip_usage=strip)
    whole, out = b"", b""
    for start in range(0, len(stream), size):
        seen, sent = cutter.feed(stream[start : start + size])
        whole, out = whole + seen, out + sent
    seen, sent = cutter.rest()
    return whole + seen, out + sent, cutter.done


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_every_byte_passes_however_it_is_split(newline: bytes, size: int) -> None:
    stream = b"".join(event.replace(b"\n", newline) + newline * 2 for event in EVENTS)
    assert _through(stream, size, strip=False) == (stream, stream, True)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
def test_only_the_usage_chunk_is_held_back(newline: bytes, size: int) -> None:
    raw = [event.replace(b"\n", newline) + newline * 2 for event in EVENTS]
    whole, out, _ = _through(b"".join(raw), size, strip=True)
    assert whole == b"".join(raw)
    if newline == b"\n" or size == 10_000:
        assert out == b"".join(event for event in raw if not event.startswith(USAGE))
    assert b"prompt_tokens" not in out


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
    read = read_stream(b"\n\n".join([*EVENTS, b"data: {broken", b""]))
    assert (read.tokens_in, read.tokens_out, read.finish_reason, read.done) == (7, 4, "stop", True)
    assert (read.usage_source, read.response_id, read.refused) == ("provider", "c", False)


def test_a_stream_without_usage_has_unknown_tokens_and_not_zero() -> None:
    read = read_stream(b'data: {"choices":[{"index":0,"delta":{"refusal":"no"}}]}\n\n')
    assert (read.tokens_in, read.tokens_out, read.usage_source, read.refused) == (None, None, "none", True)


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
    whole = json.loads(assemble(b"".join(events)) or b"")
    calls = whole["choices"][0]["message"]["tool_calls"]
    assert [call["function"] for call in calls] == [
        {"name": "f", "arguments": '{"x": 1}'},
        {"name": "g", "arguments": '{"y": 2}'},
    ]
