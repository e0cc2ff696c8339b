"""A stream put together for the record: one JSON answer of the non-streaming shape, texts joined, tool calls whole."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from gateway.proxy import slow_json
from gateway.proxy.sse import DONE, event_data, split_events

_ANY = msgspec.json.Decoder(Any)


def assemble(events: bytes) -> bytes | None:
    """The answer that these events add up to; ``None`` where they hold nothing to put together."""
    answer: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in split_events(events):
        chunk = _chunk(event_data(event))
        for choice in chunk.get("choices") or ():
            if isinstance(choice, dict):
                _add_choice(choices, choice)
        answer.update({name: value for name, value in chunk.items() if name != "choices" and value is not None})
    if not answer and not choices:
        return None
    answer["object"] = str(answer.get("object", "")).removesuffix(".chunk")
    answer["choices"] = [choices[index] for index in sorted(choices)]
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        return json.dumps(answer).encode()  # a lone surrogate can only be written as an escape


def _chunk(content: bytes) -> dict[str, Any]:
    if not content or content == DONE:
        return {}
    try:
        chunk = slow_json.decode(content) if b"\\ud" in content.lower() else _ANY.decode(content)
    except (ValueError, RecursionError):
        return {}
    return chunk if isinstance(chunk, dict) else {}


def _add_choice(choices: dict[int, dict[str, Any]], choice: dict[str, Any]) -> None:
    index = choice.get("index")
    index = index if isinstance(index, int) else 0
    whole = choices.setdefault(index, {"index": index, "finish_reason": None})
    if isinstance(choice.get("text"), str):
        whole["text"] = whole.get("text", "") + choice["text"]
    if isinstance(choice.get("delta"), dict):
        _add_delta(whole.setdefault("message", {}), choice["delta"])
    whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    """Texts are joined; what has an index is put together by it; anything else is replaced by what comes later."""
    for name, value in delta.items():
        known = message.get(name)
        if name in ("role", "id", "type", "name", "index"):
            message.setdefault(name, value) if known is None else None
        elif isinstance(value, str) and isinstance(known, str):
            message[name] = known + value
        elif isinstance(value, dict) and isinstance(known, dict):
            _add_delta(known, value)
        elif isinstance(value, list):
            _add_parts(message.setdefault(name, []) if isinstance(known, list | None) else [], value)
        elif value is not None:
            message[name] = value


def _add_parts(parts: list[Any], more: list[Any]) -> None:
    for part in more:
        same = [
            known
            for known in parts
            if isinstance(known, dict) and isinstance(part, dict) and _index(known) == _index(part)
        ]
        if same and _index(part) is not None:
            _add_delta(same[0], part)
        else:
            parts.append(part)


def _index(part: dict[str, Any]) -> Any:
    return part.get("index")
