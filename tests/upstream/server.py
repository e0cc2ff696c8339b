"""A fake OpenAI upstream on a real socket: does what a request's script says, and records what it saw to the byte.

A request is scripted by the field ``fake`` of its body, by its header ``x-fake`` (an object as JSON, or the name of
one in ``FakeUpstream.scripts``), by ``fake=name`` in its query, or else by ``FakeUpstream.script``, which is what
happens without, or a function from the request's body to that. Kinds:

``json`` (default): the endpoint's answer; ``answer`` is merged in, ``whole`` takes its place; ``status``, ``headers``,
``delay``.
``stream`` (what ``json`` is when the request has ``stream``): ``chunks``, ``delay``, ``usage`` (``asked`` | ``never`` |
``with_choices``), ``finish``, ``done``, ``every`` (fields of each chunk), or ``events`` (all of them, as text);
``then``: ``end`` | ``reset`` | ``stall`` | ``close``; ``bytes_each`` splits packets.
``bytes``: ``status``, ``reason``, ``headers`` (an object, or pairs to repeat one), ``body`` (text, or ``body_b64``;
``body_times`` repeats it) in ``pieces`` of that many bytes, ``gap`` seconds apart, ``framing``: ``length`` |
``chunked`` | ``close``, ``then`` as above, ``declared``: another content-length than the true one.
``raw``: ``text`` (or ``text_b64``) is all that is sent, then the connection closes.
``steps``: a list of ``{"send": …}`` (or ``send_b64``), ``{"wait": seconds}`` and ``{"then": …}`` (``close`` |
``reset`` | ``stall``).
``sequence``: ``scripts``, one after the other for each request with the same ``key`` (the last one stays).
``flood`` (``mib``, ``type``), ``html`` (a 502 of a proxy), ``reset``, ``stall``.

Run alone for processes of its own: ``python -m tests.upstream [PORT]`` prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.upstream import endpoints
from tests.upstream.kinds import Kinds
from tests.upstream.seen import Seen, read_request, watch
from tests.upstream.wire import Wire

Script = dict[str, Any]


async def _end_all() -> None:
    """Every exchange ends and its connection is closed before the loop is: else Python warns in some later test."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.01)


class FakeUpstream(Kinds):
    """Serves from a thread of its own; `start` and `stop`, or a context manager."""

    def __init__(self, port: int = 0) -> None:
        self.script: Script | Callable[[dict[str, Any]], Script] = {"kind": "json"}
        self.scripts: dict[str, Script] = {}
        self.seen: list[Seen] = []
        self.keep = True
        self.model: str | None = None
        self.connections = 0
        self._turns: Counter[str] = Counter()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=4096)
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

    def of(self, key: str) -> list[Seen]:
        """The requests with this ``x-fake-key``, in their order."""
        return [seen for seen in self.seen if seen.header("x-fake-key") == key]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket, limit=2**26))
        with contextlib.suppress(KeyboardInterrupt):
            self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(_end_all())
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire, number = Wire(writer), self.connections
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                wire.seen = None
                seen = await read_request(reader, number)
                if self.keep:
                    self.seen.append(seen)
                wire.seen = seen
                await self._answer(seen, reader, wire)
        with contextlib.suppress(Exception):
            writer.close()

    async def _answer(self, seen: Seen, reader: asyncio.StreamReader, writer: Any) -> None:
        asked = _fields(seen)
        script = self._script(seen, asked)
        told = asked if self.model is None else {**asked, "model": self.model}
        kind = script.get("kind", "json")
        if kind == "json":
            script = {"base": endpoints.whole(seen, told, script), **script}
        if kind in ("json", "stream") and (asked.get("stream") or kind == "stream"):
            kind = "stream"
            script = {"events": endpoints.events(seen, told, script), **script}
        watching = asyncio.create_task(watch(reader, seen))
        try:
            await getattr(self, f"_do_{kind}")(asked, script, writer)
            seen.ended_at = time.monotonic()
        except (ConnectionError, asyncio.CancelledError):
            seen.left()
            raise
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        if seen.gone.is_set():
            raise ConnectionResetError

    def _script(self, seen: Seen, asked: dict[str, Any]) -> Script:
        named = seen.header("x-fake") or next(iter(parse_qs(seen.path.partition("?")[2]).get("fake", [])), None)
        script: Script = asked.get("fake") or {}
        if named is not None:
            script = json.loads(named) if named.startswith("{") else self.scripts[named]
        if not script:
            script = self.script(asked) if callable(self.script) else self.script
        if script.get("kind") == "sequence":
            key = seen.header("x-fake-key") or script.get("key", "")
            turn = min(self._turns[key], len(script["scripts"]) - 1)
            self._turns[key] += 1
            script = script["scripts"][turn]
        return script


def _fields(seen: Seen) -> dict[str, Any]:
    """The body's fields; none where it is not a JSON object."""
    try:
        asked = json.loads(seen.body) if seen.body else {}
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
