"""Reads and writes the messages of a conversation, as chat formats have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.training_data.example import Example
from evaluators.training_data.format import RowError

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
Messages = tuple[Mapping[str, str], ...]


def read_messages(value: Any, *, name: str = "messages") -> tuple[Messages, dict[str, Any]]:
    """The messages of a row, and what else each has, by its position; raises `RowError`."""
    if not isinstance(value, list) or not value:
        raise RowError(f"{name!r} is not a list of messages")
    read = [_message(one, f"{name}[{at}]") for at, one in enumerate(value)]
    messages = tuple(said for said, _ in read)
    if messages[-1]["role"] != "assistant":
        raise RowError(f"the last message has the role {messages[-1]['role']!r}", "the completion has 'assistant'")
    return messages, {str(at): rest for at, (_, rest) in enumerate(read) if rest}


def _message(value: Any, where: str) -> tuple[Mapping[str, str], dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise RowError(f"{where} is not an object")
    role = value.get("role")
    if role not in ROLES:
        raise RowError(f"{where} has the role {role!r}", "known: " + ", ".join(ROLES))
    rest = {key: one for key, one in value.items() if key not in ("role", "content")}
    return {"role": role, "content": _content(value, where)}, rest


def _content(value: Mapping[str, Any], where: str) -> str:
    """The text of a message. A message that only calls tools has its calls as JSON."""
    content = value.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
        if all(isinstance(part, str) for part in parts):
            return "\n".join(str(part) for part in parts)
    calls = value.get("tool_calls") or value.get("function_call")
    if content is None and calls:
        return json.dumps(calls, ensure_ascii=False)
    if content is None and "content" in value:
        return ""
    raise RowError(f"{where} has no text in 'content'")


def with_message_fields(fields: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row together with what else its messages have."""
    return {**fields, "message_fields": extra} if extra else fields


def write_messages(example: Example, *, keep: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The messages as a chat format has them, with those other keys that the format knows."""
    extra = example.fields.get("message_fields", {})
    return [_written(said, extra.get(str(at), {}), keep) for at, said in enumerate(example.messages)]


def _written(said: Mapping[str, str], rest: Mapping[str, Any], keep: Sequence[str]) -> dict[str, Any]:
    kept = {key: rest[key] for key in keep if key in rest}
    calls = kept.get("tool_calls") or kept.get("function_call")
    only_calls = calls and said["content"] == json.dumps(calls, ensure_ascii=False)
    return {"role": said["role"], "content": None if only_calls else said["content"], **kept}
