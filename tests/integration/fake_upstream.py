"""A fake OpenAI upstream on a real socket: does what a request's ``fake`` field says, and records what it saw.

``{"model": …, "fake": {"kind": …}}`` scripts one request; ``FakeUpstream.script`` is what happens without it, or a
function from the request to that. Kinds:
``json`` (default; ``answer`` is merged in, ``status``, ``headers``), ``stream`` (``chunks``, ``delay``, ``usage``:
``asked`` | ``never``, ``done``, ``then``: ``end`` | ``reset`` | ``stall`` | ``error``, ``bytes_each`` splits packets),
``raw`` (``text`` is all that is sent, then the connection closes), ``flood`` (``mib``, ``type``), ``html`` (a 502 of a
proxy), ``reset``, ``stall``.

Run alone for processes of its own: ``python tests/integration/fake_upstream.py [PORT]`` prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

STALL_SECONDS = 3600.0


@dataclass
class Seen:
    """One request as it came; ``gone`` is set when the client closed before the answer was whole."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


async def _end_all() -> None:
    """Every exchange ends and its connection is closed before the loop is: else Python warns in some later test."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.01)


class FakeUpstream:
    """Serves from a thread of its own; `start` and `stop`, or a context manager."""

    def __init__(self, port: int = 0) -> None:
        self.script: dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]] = {"kind": "json"}
        self.seen: list[Seen] = []
        self.keep = True
        self._socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> FakeUpstream:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def __enter__(self) -> FakeUpstream:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run_forever(self) -> None:
        self._run()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket, limit=2**26))
        with contextlib.suppress(KeyboardInterrupt):
            self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(_end_all())
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while (seen := await _read_request(reader)) is not None:
                if self.keep:
                    self.seen.append(seen)
                await self._answer(seen, reader, writer)
        with contextlib.suppress(Exception):
            writer.close()

    async def _answer(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(seen.body) if seen.body else {}
        script = asked.get("fake") or (self.script(asked) if callable(self.script) else self.script)
        kind = "stream" if asked.get("stream") and script.get("kind", "json") == "json" else script.get("kind", "json")
        watch = asyncio.create_task(_watch(reader, seen))
        try:
            await getattr(self, f"_do_{kind}")(asked, script, writer)
        except (ConnectionError, asyncio.CancelledError):
            seen.gone.set()
            raise
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        if seen.gone.is_set():
            raise ConnectionResetError

    async def _do_json(self, asked: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        answer = script["whole"] if "whole" in script else {**_completion(asked), **script.get("answer", {})}
        body = json.dumps(answer).encode()
        await asyncio.sleep(script.get("delay", 0))
        _head(
            writer,
            script.get("status", 200),
            {"content-type": "application/json", **script.get("headers", {})},
            len(body),
        )
        writer.write(body)
        await writer.drain()

    async def _do_html(self, _: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        body = b"<html><h1>Bad Gateway</h1></html>"
        _head(writer, script.get("status", 502), {"content-type": "text/html"}, len(body))
        writer.write(body)
        await writer.drain()

    async def _do_raw(self, _: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(script["text"].encode())
        await writer.drain()
        writer.close()
        raise ConnectionResetError

    async def _do_flood(self, _: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        """``mib`` of one unfinished value, of ``type``."""
        _head(writer, 200, {"content-type": script["type"]}, None)
        for piece in [b'data: {"x": "', *[b"a" * 2**20] * script["mib"]]:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        await _end("end", writer)

    async def _do_reset(self, _: dict[str, Any], __: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        _reset(writer)

    async def _do_stall(self, _: dict[str, Any], __: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        await _stall(writer)

    async def _do_stream(self, asked: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        _head(writer, 200, {"content-type": "text/event-stream; charset=utf-8", **script.get("headers", {})}, None)
        size = script.get("bytes_each", 0)
        for event in script.get("events") or _events(asked, script):
            raw = event.encode()
            for start in range(0, len(raw), size or len(raw)):
                piece = raw[start : start + (size or len(raw))]
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await writer.drain()
                if size:
                    await asyncio.sleep(0)
            await asyncio.sleep(script.get("delay", 0))
        await _end(script.get("then", "end"), writer)


async def _end(then: str, writer: asyncio.StreamWriter) -> None:
    if then == "reset":
        await asyncio.sleep(0.05)
        _reset(writer)
    if then == "stall":
        await _stall(writer)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _stall(writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    await asyncio.sleep(STALL_SECONDS)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


def _completion(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1,
        "model": asked.get("model"),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def _events(asked: dict[str, Any], script: dict[str, Any]) -> list[str]:
    base = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": asked.get("model")}
    deltas = [{"role": "assistant", "content": ""}] + [{"content": f"w{n} "} for n in range(script.get("chunks", 3))]
    chunks: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    if script.get("finish", True):
        chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (asked.get("stream_options") or {}).get("include_usage") and script.get("usage") != "never":
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        chunks.append(
            {**base, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}}
        )
    events = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return [*events, "data: [DONE]\n\n"] if script.get("done", True) else events


async def _watch(reader: asyncio.StreamReader, seen: Seen) -> None:
    """Set ``gone`` as soon as the client closes; nothing is read, so that a next request stays whole."""
    while not (reader.at_eof() or reader.exception() or _eof(reader)):  # noqa: ASYNC110 - a reader has no event for it
        await asyncio.sleep(0.01)
    seen.gone.set()


def _eof(reader: asyncio.StreamReader) -> bool:
    return bool(getattr(reader, "_eof", False))


async def _read_request(reader: asyncio.StreamReader) -> Seen | None:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (part.partition(":") for part in rest if part)]
    method, path, _ = line.split(" ", 2)
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    return Seen(method, path, headers, await reader.readexactly(length) if length else b"")


def _head(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], length: int | None) -> None:
    framing = {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
    lines = [f"HTTP/1.1 {status} Fake", *(f"{name}: {value}" for name, value in {**headers, **framing}.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


if __name__ == "__main__":
    upstream = FakeUpstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    upstream.keep = False
    print(upstream.port, flush=True)
    upstream.run_forever()
