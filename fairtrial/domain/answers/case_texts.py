"""Reads the stored texts of a case for people: its messages, and what is expected."""

from __future__ import annotations

import json
from typing import Any


def messages_of(asked: str) -> list[tuple[str, str]]:
    """The role and text of each message. Content that is not text is shown as JSON."""
    try:
        messages = json.loads(asked)
    except ValueError:
        return [("prompt", asked)]
    return [
        (str(message.get("role", "")), _text(message.get("content")))
        for message in messages
        if isinstance(message, dict)
    ]


def reference_of(expected: str) -> str:
    """The expected answer: a text, the accepted texts, or JSON."""
    try:
        value: Any = json.loads(expected)
    except ValueError:
        return expected
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " or ".join(value)
    return _text(value)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
