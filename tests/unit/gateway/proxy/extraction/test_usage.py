"""The tokens of an answer are read wherever providers report them; what is not reported is unknown, never 0."""

from __future__ import annotations

import json
from typing import Any

from fairtrial.domain.money.tokens import Tokens
from gateway.proxy.extraction.chat_metadata import answer_metadata
from gateway.proxy.extraction.responses_metadata import response_metadata
from tests.fixtures.for_each import for_each

PLAIN = {"prompt_tokens": 9, "completion_tokens": 4}
DETAILS = {
    **PLAIN,
    "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 2, "accepted_prediction_tokens": 1},
}


@for_each(
    ("usage", "tokens"),
    [
        (PLAIN, Tokens(input=9, output=4)),
        ({"prompt_tokens": 9}, Tokens(input=9)),
        ({"prompt_tokens": None, "completion_tokens": None}, None),
        ({}, None),
        (DETAILS, Tokens(input=9, output=4, cached=5, reasoning=3, audio_in=0, audio_out=2)),
        (
            {**PLAIN, "cache_read_input_tokens": 6, "cache_creation_input_tokens": 2},
            Tokens(input=9, output=4, cached=6, cache_write=2),
        ),
        ({**PLAIN, "prompt_tokens_details": {"cache_write_tokens": 8}}, Tokens(input=9, output=4, cache_write=8)),
        ({**PLAIN, "prompt_tokens_details": "many", "completion_tokens_details": 3}, Tokens(input=9, output=4)),
        ({**PLAIN, "prompt_tokens_details": {"cached_tokens": "5", "audio_tokens": -1}}, Tokens(input=9, output=4)),
        ({**PLAIN, "prompt_tokens_details": {"cached_tokens": True}}, Tokens(input=9, output=4)),
        ({"prompt_tokens": 2**63, "completion_tokens": 4}, Tokens(output=4)),
        ({"prompt_tokens": 3.0, "completion_tokens": -4}, None),
        ({"prompt_tokens": "9", "completion_tokens": 10**25}, None),
    ],
)
def test_a_chat_reports_tokens_and_their_kinds(usage: dict[str, Any], tokens: Tokens | None) -> None:
    read = answer_metadata(json.dumps({"id": "c", "choices": [], "usage": usage}).encode())
    assert read.tokens == tokens
    assert read.usage_source == ("none" if tokens is None else "provider")


def test_a_response_reports_tokens_and_their_kinds() -> None:
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    read = response_metadata(json.dumps({"id": "r", "status": "completed", "usage": usage}).encode())
    assert read.tokens == Tokens(input=9, output=4, cached=5, reasoning=3)


@for_each(
    ("choice", "text"),
    [
        ({"message": {"content": "I can help."}}, "I can help."),
        ({"message": {"content": None, "tool_calls": []}}, ""),
        ({"message": {"content": [{"type": "text", "text": "of "}, {"type": "text", "text": "parts"}]}}, "of parts"),
        ({"message": {"content": [{"type": "image"}]}}, None),
        ({"message": {"content": 5}}, None),
        ({"text": "of a completion"}, "of a completion"),
    ],
)
def test_the_text_is_that_of_the_first_choice(choice: dict[str, Any], text: str | None) -> None:
    second = {"index": 1, "message": {"content": "second"}}
    assert answer_metadata(json.dumps({"choices": [choice, second]}).encode()).text == text
    assert answer_metadata(json.dumps({"choices": [second, {"index": 0, **choice}]}).encode()).text == text


def test_the_text_of_a_response_is_its_output_text() -> None:
    parts = [
        {"type": "output_text", "text": "one "},
        {"type": "refusal", "refusal": "no"},
        {"type": "output_text", "text": 2},
    ]
    items = [{"type": "reasoning"}, {"type": "message", "content": parts}, {"type": "message", "content": parts[:1]}]
    read = response_metadata(json.dumps({"id": "r", "output": items}).encode())
    assert (read.text, read.refused) == ("one one ", True)
    assert response_metadata(b'{"id":"r"}').text is None
