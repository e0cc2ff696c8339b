"""Serves the sample models over OpenAI's protocol: chat completions and the list of models."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from fairtrial.domain.errors import BadRequest, NotFound, RequestError
from fairtrial.domain.names.addresses import Address
from gateway.models import app
from gateway.models.app import Reply, read_body
from gateway.models.catalogue import BASE_WORDS, PARENTS, RESPONDERS, TUNED_WORDS
from gateway.process_resources import listen

CHAT = "/v1/chat/completions"
FINGERPRINT = "rules-" + hashlib.sha256(repr((BASE_WORDS, TUNED_WORDS)).encode()).hexdigest()[:12]


async def serve_sample(address: Address, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` receives the URL once the server listens."""
    listening = listen(address.host, address.port, service="models", setting="--port")
    config = uvicorn.Config(sample_app, lifespan="off", log_level="warning", access_log=False)
    host, port = listening.getsockname()[:2]
    announce(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1")
    await uvicorn.Server(config).serve(sockets=[listening])


async def sample_app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    reply = Reply(send)
    try:
        if (scope["method"], scope["path"]) == ("POST", CHAT):
            await _complete(app.read(await read_body(receive), chat=True), reply)
        else:
            await reply.whole(200, json.dumps(_get(scope["method"], scope["path"])).encode())
    except RequestError as error:
        await reply.failed(error)


def _get(method: str, path: str) -> dict[str, Any]:
    if method in ("GET", "HEAD"):
        if path == "/readyz":
            return {"status": "ok"}
        if path == "/v1/models":
            return {"object": "list", "data": [_card(name) for name in RESPONDERS]}
        if path.startswith("/v1/models/"):
            return _card(path.removeprefix("/v1/models/"))
    raise NotFound(f"Unknown request URL: {method} {path}", code="unknown_url")


def _card(name: str) -> dict[str, Any]:
    if name not in RESPONDERS:
        known = ", ".join(RESPONDERS)
        raise NotFound(f"The model {name!r} does not exist (known: {known})", param="model", code="model_not_found")
    return {"id": name, "object": "model", "created": 0, "owned_by": "rules", "root": name, "parent": PARENTS[name]}


async def _complete(body: Mapping[str, Any], reply: Reply) -> None:
    name = _card(body["model"])["id"]
    question = _question(body["messages"])
    text = RESPONDERS[name](question)
    usage = _usage(question, text)
    if not body.get("stream"):
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        await reply.whole(200, json.dumps({**_head(name), "choices": [choice], "usage": usage}).encode())
        return
    options = body.get("stream_options")
    counted = usage if isinstance(options, dict) and options.get("include_usage") else None
    for event in _events(name, text, counted):
        await reply.part(b"data: " + json.dumps(event).encode() + b"\n\n")
    await reply.part(b"data: [DONE]\n\n", last=True)


def _events(name: str, text: str, usage: dict[str, int] | None) -> Iterator[dict[str, Any]]:
    head = _head(name, chunk=True)
    words = [word + " " for word in text.split(" ")]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in [*words[:-1], words[-1].rstrip()])]
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}


def _head(name: str, *, chunk: bool = False) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-sample-{time.time_ns()}",
        "object": "chat.completion.chunk" if chunk else "chat.completion",
        "created": int(time.time()),
        "model": name,
        "system_fingerprint": FINGERPRINT,
    }


def _usage(question: str, text: str) -> dict[str, int]:
    """Token counts, where each word counts as one token."""
    prompt, completion = len(question.split()), len(text.split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _question(messages: Any) -> str:
    """The text of the last user message."""
    for message in reversed(messages):
        content = message.get("content") if isinstance(message, dict) and message.get("role") == "user" else None
        if isinstance(content, str):
            return content
        if isinstance(content, list):
            parts = [part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text"]
            return " ".join(str(part) for part in parts)
    raise BadRequest("'messages' must contain a user message.", param="messages")
