"""Turns recorded requests of both endpoints into the cases and the parameters of a suite, which asks by chats."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairtrial.api.traffic import LEFT_OUT, LeftOutRequests
from fairtrial.api.traffic_answers import TrafficSample
from fairtrial.domain.answers.chat import answered_text, text_of
from fairtrial.privacy.masking import mask

PARAMS = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "response_format", "stop", "seed")
"""The fields of requests that a suite sends too, if all drawn requests have the same value."""
SCHEMA = ("name", "description", "schema", "strict")
"""The fields of a JSON schema, which the Responses API has beside its type and chats in an object."""


def case_of(sample: TrafficSample, request: Mapping[str, Any]) -> dict[str, Any]:
    """One case; ``request``: the chat of the recorded request."""
    kinds: Counter[str] = Counter()
    return {
        "id": sample.request_id,
        "request_id": sample.request_id,
        "route": sample.route,
        "week": sample.week,
        "requests": sample.requests,
        **mask({"messages": request["messages"], "expected": answered_text(sample.response_body)}, kinds),
    }


def chat_of(body: str) -> dict[str, Any]:
    """The request as a chat: as it is, or the same question to the Responses API."""
    request: dict[str, Any] = json.loads(body)
    return request if "messages" in request else _of_response(request)


def _of_response(request: Mapping[str, Any]) -> dict[str, Any]:
    question, instructions = request["input"], request.get("instructions")
    items = [{"role": "user", "content": question}] if isinstance(question, str) else question
    messages = [{"role": item["role"], "content": text_of(item.get("content"))} for item in items]
    if instructions:
        messages.insert(0, {"role": "system", "content": instructions})
    chat = {name: request[name] for name in PARAMS if name in request}
    if request.get("max_output_tokens") is not None:
        chat["max_completion_tokens"] = request["max_output_tokens"]
    wanted = (request.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_object":
        chat["response_format"] = {"type": "json_object"}
    elif wanted.get("type") == "json_schema":
        schema = {name: wanted[name] for name in SCHEMA if wanted.get(name) is not None}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {**chat, "messages": messages}


def common_params(requests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters that all requests have with the same value."""
    first = requests[0] if requests else {}
    return {
        name: first[name]
        for name in PARAMS
        if name in first and all(request.get(name) == first[name] for request in requests)
    }


def in_words(left_out: Iterable[LeftOutRequests]) -> str:
    """Why requests can't be cases, with counts; empty if there are none."""
    return "; ".join(f"{row.requests:,}: {LEFT_OUT[row.left_out]}" for row in left_out)
