"""What is accumulated of a stream does not depend on how it is split, and stays bounded for any length."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairtrial.domain.events import Tokens
from gateway.proxy.extraction.stream_accumulator import FOLD, StreamAccumulator
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


def _kept(events: list[bytes], *, padded: bool, responses: bool = False) -> StreamAccumulator:
    kept = StreamAccumulator(responses=responses)
    for event in events:
        kept.add(event)
        if padded:  # so long a comment that each event is parsed separately
            kept.add(b": " + b"x" * FOLD + b"\n\n")
    return kept


@pytest.mark.parametrize("padded", [False, True])
def test_a_chat_adds_up_the_same_in_one_part_or_in_many(padded: bool) -> None:
    kept = _kept(CHAT, padded=padded)
    read = kept.metadata()
    assert (read.tokens, read.usage_source, read.finish_reason) == (SEVEN_AND_FOUR, "provider", "stop")
    assert (read.response_id, read.model, read.done, read.refused) == ("c", "m", True, False)
    assert read.text == "one two"
    assert json.loads(kept.answer() or b"")["choices"][0]["message"]["content"] == "one two"


@pytest.mark.parametrize("padded", [False, True])
def test_a_response_is_read_from_its_terminal_event(padded: bool) -> None:
    kept = _kept(RESPONSE, padded=padded, responses=True)
    read = kept.metadata()
    assert (read.tokens, read.usage_source) == (Tokens(input=5, output=2), "provider")
    assert (read.response_id, read.finish_reason, read.done, read.refused) == ("r", "completed", True, False)
    assert json.loads(kept.answer() or b"") == COMPLETED


def test_a_response_that_broke_off_has_its_name_and_no_end() -> None:
    read = _kept(RESPONSE[:2], padded=False, responses=True).metadata()
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
    read = _kept([*RESPONSE[:2], _event(last)], padded=True, responses=True).metadata()
    assert (read.error_type is not None, read.error_code, read.response_id, read.done) == (True, code, "r", True)


def test_a_very_long_answer_is_metered_and_its_text_given_up() -> None:
    kept = _kept([*[_chat("x" * 10_000)] * 100, *CHAT], padded=False)
    assert kept.answer() is None
    assert (kept.metadata().tokens, kept.metadata().text) == (SEVEN_AND_FOUR, None)


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
    kept = _kept([before, _event(odd), _event(odd), *CHAT], padded=False)
    assert (kept.metadata().tokens, kept.metadata().done) == (SEVEN_AND_FOUR, True)
    assert kept.answer() is not None


def test_an_event_nested_too_deeply_costs_the_text_alone() -> None:
    deep = b'data: {"choices":[{"delta":{"x":' + b"[" * 900 + b"]" * 900 + b"}}]}\n\n"
    assert _kept([deep, *CHAT], padded=False).metadata().tokens == SEVEN_AND_FOUR
