"""What is accumulated of a stream does not depend on how it is split, and stays bounded for any length."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.money.tokens import Tokens
from gateway.proxy.extraction.stream_accumulator import FOLD, TRIES, RepeatedChunkMatcher, StreamAccumulator
from tests.fixtures.for_each import for_each


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def _chat(text: str, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": fields.pop("finish", None)}
    return _event({"id": "c", "model": "m", "object": "chat.completion.chunk", "choices": [choice], **fields})


SEVEN_AND_FOUR = Tokens(input=7, output=4)
CHAT = [
    _chat("one "),
    _chat("two", finish="stop"),
    _event({"id": "c", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 4}}),
    b"data: [DONE]\n\n",
]
CREATED: dict[str, Any] = {"id": "r", "model": "m", "status": "in_progress", "error": None, "usage": None, "output": []}
ITEM = {"type": "message", "content": [{"type": "output_text", "text": "\ud83d hi"}]}
USAGE = {"input_tokens": 5, "output_tokens": 2}
COMPLETED = {**CREATED, "status": "completed", "output": [ITEM], "usage": USAGE}
RESPONSE = [
    _event({"type": "response.created", "response": CREATED}),
    _event({"type": "response.output_text.delta", "delta": "\ud83d hi"}),
    _event({"type": "response.completed", "response": COMPLETED}),
]


def _accumulated(events: list[bytes], *, padded: bool, responses: bool = False) -> StreamAccumulator:
    accumulator = StreamAccumulator(responses=responses)
    for event in events:
        accumulator.add(event)
        if padded:  # so long a comment that each event is parsed separately
            accumulator.add(b": " + b"x" * FOLD + b"\n\n")
    return accumulator


@pytest.mark.parametrize("padded", [False, True])
def test_a_chat_adds_up_the_same_in_one_part_or_in_many(padded: bool) -> None:
    accumulator = _accumulated(CHAT, padded=padded)
    read = accumulator.metadata()
    assert (read.tokens, read.usage_source, read.finish_reason) == (SEVEN_AND_FOUR, "provider", "stop")
    assert (read.response_id, read.model, read.done, read.refused) == ("c", "m", True, False)
    assert read.text == "one two"
    assert json.loads(accumulator.answer() or b"")["choices"][0]["message"]["content"] == "one two"


@pytest.mark.parametrize("padded", [False, True])
def test_a_response_is_read_from_its_terminal_event(padded: bool) -> None:
    accumulator = _accumulated(RESPONSE, padded=padded, responses=True)
    read = accumulator.metadata()
    assert (read.tokens, read.usage_source) == (Tokens(input=5, output=2), "provider")
    assert (read.response_id, read.finish_reason, read.done, read.refused) == ("r", "completed", True, False)
    assert json.loads(accumulator.answer() or b"") == COMPLETED


def test_a_response_that_broke_off_has_its_name_and_no_end() -> None:
    read = _accumulated(RESPONSE[:2], padded=False, responses=True).metadata()
    assert (read.response_id, read.done, read.finish_reason, read.usage_source) == ("r", False, None, "none")


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ({"type": "error", "code": "server_error", "message": "m"}, "server_error"),
        ({"error": {"code": 5, "message": "m"}}, "5"),
        ({"type": "response.failed", "response": {**CREATED, "status": "failed", "error": {"code": "x"}}}, "x"),
    ],
)
def test_an_error_at_the_end_of_a_response_is_read(last: dict[str, Any], code: str) -> None:
    read = _accumulated([*RESPONSE[:2], _event(last)], padded=True, responses=True).metadata()
    assert (read.error_type is not None, read.error_code, read.response_id, read.done) == (True, code, "r", True)


def test_a_very_long_answer_is_metered_and_its_text_given_up() -> None:
    accumulator = _accumulated([*[_chat("x" * 10_000)] * 100, *CHAT], padded=False)
    assert accumulator.answer() is None
    assert (accumulator.metadata().tokens, accumulator.metadata().text) == (SEVEN_AND_FOUR, None)


@for_each(
    "odd",
    [
        {"choices": 5},
        {"choices": [{"index": 0, "delta": {"x": [{"index": 0, "y": None}]}}]},
        {"choices": [{"index": 0, "delta": {"x": [{"index": 0, "y": [1]}]}}]},
        {"choices": [{"index": 0, "delta": {"content": 10**30}}]},
        [[]],
    ],
)
def test_an_event_of_another_shape_does_no_harm(odd: Any) -> None:
    before = _chat("", x=[{"index": 0, "y": None}])
    accumulator = _accumulated([before, _event(odd), _event(odd), *CHAT], padded=False)
    assert (accumulator.metadata().tokens, accumulator.metadata().done) == (SEVEN_AND_FOUR, True)
    assert accumulator.answer() is not None


def test_an_event_nested_too_deeply_costs_the_text_alone() -> None:
    deep = b'data: {"choices":[{"delta":{"x":' + b"[" * 900 + b"]" * 900 + b"}}]}\n\n"
    assert _accumulated([deep, *CHAT], padded=False).metadata().tokens == SEVEN_AND_FOUR


TEXTS = st.lists(
    st.text(max_size=6) | st.sampled_from(['"', "\\", '"}', '\\"', "\n", 'x"},"y":{"content":"', ""]), max_size=9
)


def chunk(text: str, *, index: int = 0, ascii_only: bool = False, spaced: bool = False, **more: Any) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": None}
    separators = (", ", ": ") if spaced else (",", ":")
    whole = {"id": "c", "model": "m", "object": "chat.completion.chunk", "choices": [choice], **more}
    return json.dumps(whole, ensure_ascii=ascii_only, separators=separators).encode()


@given(TEXTS, st.booleans(), st.booleans())
def test_the_assembled_text_is_that_of_the_chunks(texts: list[str], ascii_only: bool, spaced: bool) -> None:
    accumulator = StreamAccumulator(responses=False)
    for text in texts:
        accumulator.add(b"data: " + chunk(text, ascii_only=ascii_only, spaced=spaced) + b"\n\n")
    answer = json.loads(accumulator.answer() or b'{"choices": [{"message": {"content": ""}}]}')
    assert answer["choices"][0]["message"]["content"] == "".join(texts)
    assert accumulator.metadata().response_id == ("c" if texts else None)


@given(st.lists(st.tuples(st.integers(0, 2), st.text("ab", min_size=1, max_size=3)), max_size=12))
def test_choices_are_kept_separate(chunks: list[tuple[int, str]]) -> None:
    accumulator = StreamAccumulator(responses=False)
    for index, text in chunks:
        accumulator.add(b"data: " + chunk(text, index=index) + b"\n\n")
    choices = json.loads(accumulator.answer() or b'{"choices": []}')["choices"]
    expected = {index: "".join(text for at, text in chunks if at == index) for index, _ in chunks}
    assert {choice["index"]: choice["message"]["content"] for choice in choices} == expected


def test_a_text_is_taken_only_where_all_around_it_is_the_same() -> None:
    alike = RepeatedChunkMatcher()
    alike.learn(chunk("one"))
    assert (alike.text(chunk("two")), alike.text(chunk(""))) == (b"two", b"")
    for event in (chunk('a "b"'), chunk("a\\b"), chunk("x", index=1), chunk("x", usage={}), b"{}", chunk("x")[:-1]):
        assert alike.text(event) is None


@for_each(
    "odd",
    [
        b"[]",
        b"nothing",
        b'{"choices":[{"index":0,"delta":{"content":5}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"x","role":"assistant"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":1}}',
        b'{"content":"x","choices":[{"index":0,"delta":{"content":"x"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"x"}},{"index":1,"delta":{"content":"x"}}]}',
    ],
)
def test_nothing_is_learned_from_a_chunk_of_another_kind(odd: bytes) -> None:
    alike = RepeatedChunkMatcher()
    alike.learn(odd)
    assert alike.text(odd) is None


def test_a_stream_whose_chunks_all_differ_is_not_looked_at_any_longer() -> None:
    alike = RepeatedChunkMatcher()
    for number in range(TRIES):
        alike.learn(chunk("x", obfuscation=str(number)))
    alike.learn(chunk("x", obfuscation="last"))
    assert alike.text(chunk("y", obfuscation="last")) is None
