"""Reads the text, the last question and the tool calls of chat messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def text_of(content: Any) -> str | None:
    """The text of a content, "" if it is null; ``None`` if it has another shape."""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        return "".join(texts) if all(isinstance(text, str) for text in texts) else None  # type: ignore[arg-type]
    return content if isinstance(content, str) else "" if content is None else None


# An answer that calls tools is stored as one JSON text: {"content": "...", "tool_calls": [{"name": "...",
# "arguments": {...}}]}, where `content` is left out if it is empty. Arguments that are not a JSON object stay the text
# that the model wrote.


def text_with_calls(content: str, calls: Sequence[Any]) -> str:
    """The text of an answer with OpenAI's ``tool_calls``; raises `TypeError` or `KeyError` if they are no such list."""
    functions = [call["function"] for call in calls]
    written = [
        {"name": str(function["name"]), "arguments": _arguments(function.get("arguments"))} for function in functions
    ]
    answer = {"content": content, "tool_calls": written} if content else {"tool_calls": written}
    return json.dumps(answer, ensure_ascii=False)


def calls_in(text: str) -> list[dict[str, Any]]:
    """The calls of such a text, each with its ``name`` and ``arguments``; empty for any other text."""
    try:
        calls = json.loads(text).get("tool_calls")
    except (ValueError, AttributeError, RecursionError):
        return []
    sound = isinstance(calls, list) and all(isinstance(call, dict) and "name" in call for call in calls)
    return calls if sound else []


def _arguments(text: Any) -> Any:
    try:
        value = json.loads(text or "{}")
    except (ValueError, TypeError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def asked_text(body: str) -> str | None:
    """The last text of the user in a request: of a chat, the Responses API, or a completion; ``None`` if unknown."""
    request = _object(body)
    if request is None:
        return None
    question = request.get("messages", request.get("input", request.get("prompt")))
    if isinstance(question, str):
        return question
    turns = [turn for turn in question if isinstance(turn, dict)] if isinstance(question, list) else []
    texts = [_text(turn.get("content")) for turn in turns if turn.get("role") == "user"]
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
        return "".join(_text(item.get("content")) or "" for item in output if isinstance(item, dict)) or None
    return None


def _object(body: str) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(content: Any) -> str | None:
    """The text of a content; parts without a text, such as images, are skipped."""
    if isinstance(content, list):
        content = [part for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return text_of(content) or None
