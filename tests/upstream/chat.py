"""Chat completions as the fake upstream makes them: whole, as chunks, and the old completions."""

from __future__ import annotations

import json
from typing import Any

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
STREAM_USAGE = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}


def completion(asked: dict[str, Any]) -> dict[str, Any]:
    """A whole chat completion with ``n`` choices."""
    said = {"role": "assistant", "content": "Hello"}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1,
        "model": asked.get("model"),
        "choices": [{"index": n, "message": said, "finish_reason": "stop"} for n in range(asked.get("n") or 1)],
        "usage": USAGE,
    }


def text_completion(asked: dict[str, Any]) -> dict[str, Any]:
    """A whole answer of the old endpoint; ``echo`` repeats a prompt that is text."""
    prompt = asked.get("prompt")
    said = (prompt if asked.get("echo") and isinstance(prompt, str) else "") + "Hello"
    choice = {"text": said, "logprobs": None, "finish_reason": "stop"}
    return {
        "id": "cmpl-fake",
        "object": "text_completion",
        "created": 1,
        "model": asked.get("model"),
        "choices": [{"index": n, **choice} for n in range(asked.get("n") or 1)],
        "usage": USAGE,
    }


def chat_events(asked: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """The events of a stream: ``chunks`` words in each of ``n`` choices, interleaved."""
    many = range(asked.get("n") or 1)
    parts: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
    parts += [({"content": f"w{n} "}, None) for n in range(script.get("chunks", 3))]
    if script.get("finish", True):
        parts.append(({}, "stop"))
    choices = [[{"index": n, "delta": delta, "finish_reason": end}] for delta, end in parts for n in many]
    return _events("chatcmpl-fake", "chat.completion.chunk", choices, asked, script)


def text_events(asked: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """The same of the old endpoint."""
    parts: list[tuple[str, str | None]] = [(f"w{n} ", None) for n in range(script.get("chunks", 3))]
    if script.get("finish", True):
        parts.append(("", "stop"))
    choices = [[{"index": 0, "text": text, "logprobs": None, "finish_reason": end}] for text, end in parts]
    return _events("cmpl-fake", "text_completion", choices, asked, script)


def _events(
    ident: str, kind: str, choices: list[list[dict[str, Any]]], asked: dict[str, Any], script: dict[str, Any]
) -> list[str]:
    base = {"id": ident, "object": kind, "created": 1, "model": asked.get("model")}
    chunks: list[dict[str, Any]] = [{**base, "choices": each, **script.get("every", {})} for each in choices]
    if (asked.get("stream_options") or {}).get("include_usage") and script.get("usage") != "never":
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        if script.get("usage") == "with_choices":
            chunks[-1]["usage"] = STREAM_USAGE
        else:
            chunks.append({**base, "choices": [], "usage": STREAM_USAGE})
    events = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return [*events, "data: [DONE]\n\n"] if script.get("done", True) else events
