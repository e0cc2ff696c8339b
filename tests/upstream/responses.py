"""OpenAI's Responses as the fake upstream makes them: whole, as numbered events, and what is kept of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

USAGE = {
    "input_tokens": 7,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 11,
}
MESSAGE = {
    "id": "msg_fake",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}],
}
INPUT = {"id": "msg_in", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "q"}]}


def response(asked: dict[str, Any], script: dict[str, Any], *, ident: str = "resp_fake") -> dict[str, Any]:
    """A whole response; ``output`` of the script are its items, ``status`` is not the HTTP status but ``ends``."""
    kept = ("instructions", "metadata", "previous_response_id", "tools", "tool_choice", "temperature", "conversation")
    return {
        "id": ident,
        "object": "response",
        "created_at": 1,
        "status": script.get("ends", "completed"),
        "error": None,
        "incomplete_details": script.get("incomplete_details"),
        "model": asked.get("model", "fake-model"),
        "output": script.get("output", [MESSAGE]),
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "tool_choice": "auto",
        "tools": [],
        **{name: asked[name] for name in kept if name in asked},
        "usage": USAGE,
    }


def about(method: str, rest: list[str]) -> tuple[int, dict[str, Any]]:
    """What is asked of a response that was made: itself, its end, its inputs; ids with ``missing`` aren't there."""
    ident = rest[0]
    if "missing" in ident:
        return 404, {"error": {**_NOT_FOUND, "message": f"Response with id '{ident}' not found."}}
    match (method, rest[1:]):
        case ("GET", []):
            return 200, response({}, {}, ident=ident)
        case ("DELETE", []):
            return 200, {"id": ident, "object": "response", "deleted": True}
        case ("POST", ["cancel"]):
            return 200, response({}, {"ends": "cancelled"}, ident=ident)
        case ("GET", ["input_items"]):
            ends = {"first_id": INPUT["id"], "last_id": INPUT["id"], "has_more": False}
            return 200, {"object": "list", "data": [INPUT], **ends}
        case _:
            return 405, {"error": {**_NOT_FOUND, "message": f"Not allowed: {method}"}}


_NOT_FOUND = {"type": "invalid_request_error", "param": None, "code": None}


def response_events(asked: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """The events of a stream, numbered; ``extra``: events of the script's own before the last."""
    whole = response(asked, script)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(whole["output"]):
        events += _item_events(index, item)
    events += script.get("extra", [])
    if script.get("finish", True):
        events.append({"type": f"response.{whole['status']}", "response": whole})
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return [f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in numbered]


def _item_events(index: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = {"output_index": index}
    empty = {name: "" if name == "arguments" else [] for name in ("content", "summary", "arguments") if name in item}
    yield {"type": "response.output_item.added", **at, "item": {**item, "status": "in_progress", **empty}}
    where = {"item_id": item["id"], **at}
    if item["type"] == "message":
        for n, part in enumerate(item["content"]):
            yield from _part_events({**where, "content_index": n}, part)
    elif item["type"] == "function_call":
        words = item["arguments"]
        for piece in (words[: len(words) // 2], words[len(words) // 2 :]):
            yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
        done = {"name": item["name"], "arguments": words}
        yield {"type": "response.function_call_arguments.done", **where, **done}
    elif item["type"] == "reasoning":
        for n, part in enumerate(item["summary"]):
            at = {**where, "summary_index": n}
            yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
            yield {"type": "response.reasoning_summary_text.delta", **at, "delta": part["text"]}
            yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
            yield {"type": "response.reasoning_summary_part.done", **at, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _part_events(at: dict[str, Any], part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name = "text" if part["type"] == "output_text" else "refusal"
    kind = "output_text" if name == "text" else "refusal"
    more = {"logprobs": []} if name == "text" else {}
    yield {"type": "response.content_part.added", **at, "part": {**part, name: ""}}
    for word in part[name].split(" "):
        yield {"type": f"response.{kind}.delta", **at, "delta": word + " ", **more}
    for n, note in enumerate(part.get("annotations", [])):
        yield {"type": "response.output_text.annotation.added", **at, "annotation_index": n, "annotation": note}
    yield {"type": f"response.{kind}.done", **at, name: part[name], **more}
    yield {"type": "response.content_part.done", **at, "part": part}
