"""A scriptable upstream on a real socket that speaks just enough of OpenAI's protocol, and counts what it was asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Reply = Callable[[dict[str, Any], int], Any]
"""From the body and how often its last message was asked before: the answer's text, or a `web.Response`."""


@dataclass
class Upstream:
    """``asked``: every body, in order; ``delay``: seconds before each reply; ``fingerprint``: the weights' name."""

    reply: Reply
    delay: float = 0.0
    fingerprint: str | None = "weights-1"
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        before = sum(one["messages"] == body["messages"] for one in self.asked)
        self.asked.append(body)
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.delay)
        found = self.reply(body, before)
        return found if isinstance(found, web.Response) else web.json_response(self._completion(found))

    def _completion(self, text: str) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "system_fingerprint": self.fingerprint,
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"},
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2},
        }


def failing(status: int, code: str | None = None, **headers: str) -> web.Response:
    """OpenAI's error envelope."""
    error = {"message": f"failed with {status}", "type": "server_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def last(body: dict[str, Any]) -> str:
    """What the user says last."""
    return str(body["messages"][-1]["content"])


@contextmanager
def serving(upstream: Upstream) -> Iterator[Upstream]:
    """The upstream on a free port, in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", upstream.complete)
    runner = web.AppRunner(app)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        upstream.port = runner.addresses[0][1]

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(timeout=10)
    try:
        yield upstream
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()
