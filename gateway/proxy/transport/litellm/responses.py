"""Converts litellm's answers to OpenAI's form, whole or as server-sent events, without litellm's own additions."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.proxy.transport.litellm.lazy_import import stopped
from gateway.proxy.transport.transport import TransportError
from gateway.proxy.wire.http import PROVIDER_IDS, Headers

JSON_HEADERS = {"content-type": "application/json"}
EVENT_HEADERS = {"content-type": "text/event-stream; charset=utf-8"}
DONE = b"data: [DONE]\n\n"
MESSAGE = ("reasoning_content", "thinking_blocks", "annotations", "audio", "images")
"""Fields of a message that are passed on if a provider has them, besides role, content and tool calls."""

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_NAMED = "llm_provider-"
"""How litellm names the headers of a provider's response."""

_CLOSING: set[asyncio.Task[Any]] = set()


class WholeResponse:
    """A response that is complete, an error or a completion; see `UpstreamResponse`."""

    __slots__ = ("_body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] = JSON_HEADERS) -> None:
        self.status = status
        self.headers = Headers.of(headers)
        self._body = body

    async def read(self) -> bytes:
        body, self._body = self._body, b""
        return body

    def release(self) -> None:
        self._body = b""


class StreamedResponse:
    """A stream with one event for each chunk; `begin` waits for the first. See `UpstreamResponse`."""

    __slots__ = ("_chunks", "_done", "_first", "_roles", "headers", "status")

    def __init__(self, chunks: Any) -> None:
        self.status = 200
        self.headers = Headers.of({**EVENT_HEADERS, **provider_headers(chunks)})
        self._chunks = chunks
        self._first: Any = None
        self._roles: set[int] = set()
        self._done = False

    async def begin(self) -> "StreamedResponse":
        """Wait for the first chunk, so that an earlier failure can still have a status. Closes if there is none."""
        try:
            self._first = await anext(self._chunks)
        except BaseException:
            self.release()
            raise
        return self

    async def read(self) -> bytes:
        while not self._done:
            chunk, self._first = self._first, None
            try:
                event = self._event((chunk or await anext(self._chunks)).model_dump())
            except StopAsyncIteration:
                self._done = True
                return DONE
            except TransportError:
                raise
            except Exception as error:  # litellm raises anything here; for the client the stream broke off
                broke_off = TransportError("reset", "the provider broke off its answer")
                raise stopped(error) or broke_off from error
            if event:
                return event
        return b""

    def release(self) -> None:
        """Close the provider's connection, which litellm can only do in a task."""
        if self._done:
            return
        self._done = True
        task = asyncio.get_running_loop().create_task(self._chunks.aclose())
        _CLOSING.add(task)
        task.add_done_callback(_CLOSING.discard)

    def _event(self, chunk: dict[str, Any]) -> bytes:
        usage = _usage(chunk.get("usage"))
        if usage is not None and not self._metered():
            usage = None
        if not chunk.get("choices") and usage is None:
            return b""
        choices = [self._choice(choice) for choice in chunk.get("choices") or ()]
        if any(choice["finish_reason"] for choice in choices) and not self._finished():
            raise TransportError("reset", "the provider's answer ended too early")
        head = {name: chunk.get(name) for name in ("id", "created", "model")}
        event = {**head, "object": "chat.completion.chunk", "choices": choices, "usage": usage}
        return b"data: " + _encode(event) + b"\n\n"

    def _finished(self) -> bool:
        """Whether the provider said that it is done. litellm also reports ``stop`` when a connection ends early."""
        names = ("received_finish_reason", "intermittent_finish_reason")
        return any(getattr(self._chunks, name, None) for name in names)

    def _metered(self) -> bool:
        """Whether the provider counted the tokens. litellm estimates them otherwise, without saying so."""
        return any(getattr(chunk, "usage", None) is not None for chunk in getattr(self._chunks, "chunks", ()))

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        index, delta = choice.get("index") or 0, choice.get("delta") or {}
        fields = {name: delta[name] for name in ("content", "refusal") if delta.get(name) is not None}
        fields |= {name: delta[name] for name in MESSAGE if delta.get(name)}
        if index not in self._roles:
            self._roles.add(index)
            fields = {"role": "assistant", **fields}
        if delta.get("tool_calls"):
            fields["tool_calls"] = [_tool_delta(call) for call in delta["tool_calls"]]
        finish = choice.get("finish_reason")
        return {"index": index, "delta": fields, "logprobs": choice.get("logprobs"), "finish_reason": finish}


def completion(answer: dict[str, Any]) -> bytes:
    """A whole answer, dumped, as OpenAI's JSON."""
    head = {name: answer.get(name) for name in ("id", "created", "model")}
    choices = [_whole_choice(choice) for choice in answer.get("choices") or ()]
    usage = _usage(answer.get("usage"))
    whole = {**head, "object": "chat.completion", "choices": choices, "usage": usage}
    for name in ("system_fingerprint", "service_tier"):
        if answer.get(name) is not None:
            whole[name] = answer[name]
    return _encode(whole)


def _encode(content: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError:
        return json.dumps(content).encode()  # a lone surrogate can only be written as an escape


def _whole_choice(choice: dict[str, Any]) -> dict[str, Any]:
    said = choice.get("message") or {}
    message = {"role": "assistant", "content": said.get("content"), "refusal": said.get("refusal")}
    message |= {name: said[name] for name in MESSAGE if said.get(name)}
    if said.get("tool_calls"):
        message["tool_calls"] = [
            {"id": call.get("id"), "type": "function", "function": _function(call)} for call in said["tool_calls"]
        ]
    finish = choice.get("finish_reason")
    return {
        "index": choice.get("index", 0),
        "message": message,
        "logprobs": choice.get("logprobs"),
        "finish_reason": finish,
    }


def _function(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    return {name: function[name] for name in ("name", "arguments") if function.get(name) is not None}


def _tool_delta(call: dict[str, Any]) -> dict[str, Any]:
    """The first delta has id, type and name; later ones have the index and more of the arguments."""
    opener = {"id": call["id"], "type": "function"} if call.get("id") else {}
    return {"index": call.get("index") or 0, **opener, "function": _function(call)}


def _usage(usage: Any) -> dict[str, Any] | None:
    """The provider's counts, or ``None`` if there are none, which litellm writes as zeros."""
    if not isinstance(usage, dict) or not (usage.get("prompt_tokens") or usage.get("completion_tokens")):
        return None
    fields: dict[str, Any] = {name: usage.get(name) for name in COUNTS}
    for name in DETAILS:
        details = {key: value for key, value in (usage.get(name) or {}).items() if value is not None}
        if details:
            fields[name] = details
    if usage.get("service_tier") is not None:
        fields["service_tier"] = usage["service_tier"]
    return fields


def provider_headers(answer: Any) -> dict[str, str]:
    """The headers of the provider's response that name its request."""
    hidden = getattr(answer, "_hidden_params", None)
    headers = (hidden.get("additional_headers") if isinstance(hidden, dict) else None) or {}
    named = {name.removeprefix(_NAMED).lower(): str(value) for name, value in headers.items()}
    return {name: named[name] for name in PROVIDER_IDS if name in named}
