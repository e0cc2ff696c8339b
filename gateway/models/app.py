"""Serves OpenAI's completions and models endpoints and health checks over the engines, on one address."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import uvicorn
from starlette.types import Receive, Scope, Send

from fairtrial.config.addresses import Address
from fairtrial.domain.errors import NotFound, RequestError, TooLarge, Unavailable, UpstreamError
from gateway.models import wire
from gateway.models.affinity import Affinity
from gateway.models.catalogue import Catalogue, Served
from gateway.models.engine import Engine, Recipe, prime
from gateway.process_resources import listen

PATHS = {"/v1/chat/completions": True, "/v1/completions": False}
MAX_BYTES = 8 * 2**20
JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=10)


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
                body = wire.read(await read_body(receive), chat=PATHS[scope["path"]])
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

    async def _complete(self, path: str, body: dict[str, Any], served: Served, reply: Reply) -> None:
        request = wire.for_engine(body, served, len(self._catalogue.adapters))
        async with self._affinity.turn(served.queue) as engine:
            try:
                request["cache_prompt"] = await prime(self._client, engine, path, request)
                async with self._client.post(f"{engine.url}{path}", json=request) as answer:
                    if answer.status != 200:
                        raise wire.refusal(answer.status, await answer.read())
                    if body.get("stream"):
                        await _stream(answer, served, reply)
                    else:
                        whole = json.dumps(wire.as_served(await answer.json(), served), ensure_ascii=False)
                        await reply.whole(200, whole.encode())
            except (aiohttp.ClientError, ValueError) as error:
                raise UpstreamError("The engine failed and is being restarted.", code="engine_failed") from error


async def _stream(answer: aiohttp.ClientResponse, served: Served, reply: Reply) -> None:
    async for line in answer.content:
        await reply.part(wire.line_as_served(line, served))
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
            await self.part(b"data: " + wire.envelope(error) + b"\n\n", last=True)
        else:
            await self.whole(error.status, wire.envelope(error))

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


async def serve(recipe: Recipe, address: Address, *, engines: int, announce: Callable[[str], None]) -> None:
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
