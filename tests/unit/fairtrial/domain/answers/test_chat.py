"""The question and the answer of an exchange are read in each protocol, and an odd body gives nothing."""

from __future__ import annotations

import json
from typing import Any

from fairtrial.domain.answers.chat import answered_text, asked_text
from tests.fixtures.for_each import for_each

ASKED: dict[str, tuple[Any, str | None]] = {
    "a chat": ({"messages": [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]}, "two"),
    "parts": ({"messages": [{"role": "user", "content": [{"type": "image_url"}, {"text": "two"}]}]}, "two"),
    "responses": ({"input": "one"}, "one"),
    "a list": ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "one"}]}]}, "one"),
    "a completion": ({"prompt": "one"}, "one"),
    "no user": ({"messages": [{"role": "system", "content": "one"}]}, None),
    "no object": ([1], None),
}
ANSWERED: dict[str, tuple[Any, str | None]] = {
    "a chat": ({"choices": [{"message": {"content": "one"}}]}, "one"),
    "a completion": ({"choices": [{"text": "one"}]}, "one"),
    "responses": ({"output": [{"type": "reasoning"}, {"content": [{"type": "output_text", "text": "one"}]}]}, "one"),
    "a call of a tool": ({"choices": [{"message": {"content": None, "tool_calls": []}}]}, None),
    "an error": ({"error": {}}, None),
    "no choices": ({"choices": []}, None),
}


@for_each("name", ASKED)
def test_the_last_text_of_the_user_is_read(name: str) -> None:
    body, text = ASKED[name]
    assert asked_text(json.dumps(body)) == text


@for_each("name", ANSWERED)
def test_the_text_of_the_answer_is_read(name: str) -> None:
    body, text = ANSWERED[name]
    assert answered_text(json.dumps(body)) == text


def test_a_body_that_is_no_json_gives_nothing() -> None:
    assert asked_text("[redacted") is None
    assert answered_text("") is None
