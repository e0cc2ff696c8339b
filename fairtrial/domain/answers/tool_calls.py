"""Writes an answer that calls tools as one JSON text, and reads the calls back.

The text is ``{"content": "...", "tool_calls": [{"name": "...", "arguments": {...}}]}``, where ``content`` is left out
if it is empty. Arguments that are not a JSON object stay the text that the model wrote.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def text_with_calls(content: str, calls: Sequence[Any]) -> str:
    """The text of an answer with OpenAI's ``tool_calls``; raises `TypeError` or `KeyError` if they are no such list."""
    functions = [call["function"] for call in calls]
    written = [{"name": str(one["name"]), "arguments": _arguments(one.get("arguments"))} for one in functions]
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
