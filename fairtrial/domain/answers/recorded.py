"""Reads the last question and the answer of a recorded exchange, in any of the protocols that the gateway records."""

from __future__ import annotations

import json
from typing import Any

from fairtrial.domain.answers.content import text_of


def asked_text(body: str) -> str | None:
    """The last text of the user in a request: of a chat, the Responses API, or a completion; ``None`` if unknown."""
    request = _object(body)
    if request is None:
        return None
    asked = request.get("messages", request.get("input", request.get("prompt")))
    if isinstance(asked, str):
        return asked
    turns = [one for one in asked if isinstance(one, dict)] if isinstance(asked, list) else []
    texts = [_text(one.get("content")) for one in turns if one.get("role") == "user"]
    return texts[-1] if texts else None


def answered_text(body: str) -> str | None:
    """The text of a whole or assembled answer; ``None`` if it has none."""
    answer = _object(body)
    if answer is None:
        return None
    choices, output = answer.get("choices"), answer.get("output")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        return _text(message.get("content")) if isinstance(message, dict) else _text(choices[0].get("text"))
    if isinstance(output, list):
        return "".join(_text(one.get("content")) or "" for one in output if isinstance(one, dict)) or None
    return None


def _object(body: str) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(content: Any) -> str | None:
    """The text of a content; parts without a text, such as images, are skipped."""
    if isinstance(content, list):
        content = [one for one in content if isinstance(one, dict) and isinstance(one.get("text"), str)]
    return text_of(content) or None
