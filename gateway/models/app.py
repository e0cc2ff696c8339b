"""Serves OpenAI's completions and models endpoints, and converts requests and responses for llama.cpp's server."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import aiohttp
import uvicorn
from starlette.types import Receive, Scope, Send

from fairtrial.domain.errors import BadRequest, NotFound, RequestError, TooLarge, Unavailable, UpstreamError
from fairtrial.domain.names.addresses import Address
from gateway.models.catalogue import Catalogue, Served
from gateway.models.engine import Affinity, Engine, EngineRecipe, prime
from gateway.process_resources import listen

DEFAULT_MAX_TOKENS = 512
OURS = ("lora", "id_slot", "cache_prompt", "slot_id", "model", "n", "max_completion_tokens")
CONTEXT_ERROR = "exceed_context_size_error"
PATHS = {"/v1/chat/completions": True, "/v1/completions": False}
MAX_BYTES = 8 * 2**20
JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=10)


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
    if not chat and not _is_prompt(body.get("prompt")):
        raise BadRequest("'prompt' must be a string or a list of token ids.", param="prompt")
    if body.get("n") not in (None, 1):
        raise BadRequest("Local models return one choice: 'n' must be 1.", param="n")
    return body


def _is_prompt(value: Any) -> bool:
    """A list of token ids is a prompt, too."""
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and all(type(at) is int for at in value))


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


class App:
    """The app over running engines, which are reached through ``client``."""

    def __init__(self, catalogue: Catalogue, engines: list[Engine], client: aiohttp.ClientSession) -> None:
        self._catalogue = catalogue
        self._engines = engines
        self._client = client
        self._affinity = Affinity(engines, time.monotonic)
        self._created = int(time.time())
        for engine in engines:
            engine.changed = self._affinity.dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = Reply(send)
        try:
            if scope["method"] == "POST" and scope["path"] in PATHS:
                body = read(await read_body(receive), chat=PATHS[scope["path"]])
                served = self._catalogue.find(body["model"])
                await _until_disconnect(receive, self._complete(scope["path"], body, served, reply))
            else:
                await reply.whole(200, self._get(scope["method"], scope["path"]))
        except RequestError as error:
            await reply.failed(error)

    def _get(self, method: str, path: str) -> bytes:
        if method in ("GET", "HEAD"):
            if path == "/livez":
                return b'{"status": "ok"}'
            if path == "/readyz":
                return self._readiness()
            if path == "/v1/models":
                return json.dumps(
                    {"object": "list", "data": [self._card(name) for name in self._catalogue.names]}
                ).encode()
            if path.startswith("/v1/models/"):
                return json.dumps(self._card(path.removeprefix("/v1/models/"))).encode()
        raise NotFound(f"Unknown request URL: {method} {path}", code="unknown_url")

    def _readiness(self) -> bytes:
        up = sum(engine.url is not None for engine in self._engines)
        if not up:
            raise Unavailable("no engine is running", code="no_engine")
        return json.dumps({"status": "ok", "engines": up, "waiting": self._affinity.waiting}).encode()

    def _card(self, name: str) -> dict[str, Any]:
        served = self._catalogue.find(name)
        return {"id": served.name, "object": "model", "created": self._created, "owned_by": "local"}

    async def _complete(self, path: str, body: dict[str, Any], served: Served, reply: "Reply") -> None:
        request = for_engine(body, served, len(self._catalogue.adapters))
        async with self._affinity.turn(served.queue) as engine:
            try:
                request["cache_prompt"] = await prime(self._client, engine, path, request)
                async with self._client.post(f"{engine.url}{path}", json=request) as answer:
                    if answer.status != 200:
                        raise refusal(answer.status, await answer.read())
                    if body.get("stream"):
                        await _stream(answer, served, reply)
                    else:
                        whole = json.dumps(as_served(await answer.json(), served), ensure_ascii=False)
                        await reply.whole(200, whole.encode())
            except (aiohttp.ClientError, ValueError) as error:
                raise UpstreamError("The engine failed and is being restarted.", code="engine_failed") from error


async def _stream(answer: aiohttp.ClientResponse, served: Served, reply: "Reply") -> None:
    async for line in answer.content:
        await reply.part(line_as_served(line, served))
    await reply.part(b"", last=True)


class Reply:
    """A response, whole or streamed. An error after the first part becomes the last event of the stream."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def whole(self, status: int, body: bytes) -> None:
        await self._begin(status, JSON, [(b"content-length", str(len(body)).encode())])
        await self._send({"type": "http.response.body", "body": body})

    async def part(self, body: bytes, *, last: bool = False) -> None:
        if not self._begun:
            await self._begin(200, EVENTS, [(b"cache-control", b"no-cache")])
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})

    async def failed(self, error: RequestError) -> None:
        if self._begun:
            await self.part(b"data: " + envelope(error) + b"\n\n", last=True)
        else:
            await self.whole(error.status, envelope(error))

    async def _begin(self, status: int, kind: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self._begun = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *headers]}
        )


async def read_body(receive: Receive) -> bytes:
    """The whole request body; raises `TooLarge` above the limit."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            raise TooLarge(f"The body is larger than {MAX_BYTES // 2**20} MB.")
        if not message.get("more_body"):
            return bytes(body)


async def _until_disconnect(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and cancel it when the client disconnects, so that the engine stops too."""
    job = asyncio.create_task(work)
    disconnected = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await asyncio.wait({job, disconnected}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        unfinished = [task for task in (job, disconnected) if not task.done()]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
    if not job.cancelled():
        job.result()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def serve(recipe: EngineRecipe, address: Address, *, engines: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` receives the URL once the engines are up."""
    listening = listen(address.host, address.port, service="models", setting="--port")
    running = [Engine(number, recipe) for number in range(1, engines + 1)]
    try:
        await asyncio.gather(*(engine.start() for engine in running))
        async with aiohttp.ClientSession(timeout=NO_LIMIT) as client:
            app = App(recipe.catalogue, running, client)
            config = uvicorn.Config(
                app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=2
            )
            host, port = listening.getsockname()[:2]
            announce(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1")
            await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        await asyncio.gather(*(engine.stop() for engine in running))
        listening.close()
