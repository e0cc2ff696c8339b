"""Converts requests and responses between OpenAI's API and llama.cpp's server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fairtrial.domain.errors import BadRequest, RequestError, UpstreamError
from gateway.models.catalogue import Served

DEFAULT_MAX_TOKENS = 512
OURS = ("lora", "id_slot", "cache_prompt", "slot_id", "model", "n", "max_completion_tokens")
CONTEXT_ERROR = "exceed_context_size_error"


def read(raw: bytes, *, chat: bool) -> dict[str, Any]:
    """The body of a completion request; raises `BadRequest` with OpenAI's messages."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise BadRequest(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("The body of your request must be a JSON object.")
    if not isinstance(body.get("model"), str):
        raise BadRequest("You must provide a model parameter.", param="model")
    if chat and not (isinstance(body.get("messages"), list) and body["messages"]):
        raise BadRequest("'messages' must be a list of at least one message.", param="messages")
    if not chat and not isinstance(body.get("prompt"), str):
        raise BadRequest("'prompt' must be a string.", param="prompt")
    if body.get("n") not in (None, 1):
        raise BadRequest("Local models return one choice: 'n' must be 1.", param="n")
    return body


def for_engine(body: Mapping[str, Any], served: Served, adapters: int) -> dict[str, Any]:
    """The request for llama.cpp, with a scale for every adapter and without caching (see `prefix`)."""
    request = {key: value for key, value in body.items() if key not in OURS}
    request["max_tokens"] = body.get("max_completion_tokens") or body.get("max_tokens") or DEFAULT_MAX_TOKENS
    scales = [served.strength if number == served.adapter else 0.0 for number in range(adapters)]
    request["lora"] = [{"id": number, "scale": scale} for number, scale in enumerate(scales)]
    request["cache_prompt"] = False
    return request


def as_served(answer: dict[str, Any], served: Served) -> dict[str, Any]:
    """A response or chunk with the requested model name and its fingerprint."""
    answer.pop("timings", None)
    if "choices" in answer:
        answer["model"] = served.name
        answer["system_fingerprint"] = served.fingerprint
    return answer


def line_as_served(line: bytes, served: Served) -> bytes:
    """One line of an event stream with the requested model name."""
    if not line.startswith(b"data: {"):
        return line
    return b"data: " + json.dumps(as_served(json.loads(line[6:]), served), ensure_ascii=False).encode() + b"\n"


def refusal(status: int, raw: bytes) -> RequestError:
    """llama.cpp's error as a `RequestError`: client errors stay client errors, others are upstream errors."""
    try:
        error = json.loads(raw)["error"]
        message, kind = str(error["message"]), error.get("type")
    except (ValueError, KeyError, TypeError):
        message, kind = raw.decode(errors="replace")[:200], None
    if 400 <= status < 500:
        return BadRequest(message, code="context_length_exceeded" if kind == CONTEXT_ERROR else None)
    return UpstreamError(f"The engine failed: {message}", code="engine_failed")


def envelope(error: RequestError) -> bytes:
    """The error as OpenAI's JSON."""
    body = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return json.dumps({"error": body}, ensure_ascii=False).encode()
