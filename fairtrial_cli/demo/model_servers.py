"""Starts the demo's model server, measures its speed, and serves a model that answers some users too late."""

import asyncio
import hashlib
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from fairtrial.domain.errors import UsageError
from fairtrial_cli.processes.children import Child, Program, raise_if_failed

BASE_MODEL = "smollm2"
ENGINES = 2
READY_SECONDS = 60.0
MEASURE_SECONDS, MOST_ANSWERS = 5.0, 12
"""The measurement ends after so many seconds, or so many answers."""
TOKENS = 60
LATE_SHARE = 0.6
"""The share of users whose answers come too late."""
WAITING, LEAST_SECONDS, MOST_SECONDS = 20.0, 2.0, 60.0
"""How many answers the machine gives in the time that a first byte may take, and the limits of that time."""
PASS_SECONDS = 120.0
OVERLOADED = b'{"error": {"message": "overloaded", "type": "server_error"}}'


@contextmanager
def local_models(port: int, log: Path) -> Iterator[Sequence[Child]]:
    """Run the model server while the context lasts; raises `UsageError` if it can't start."""
    options = ["models", "serve", "--port", str(port), "--engines", str(ENGINES)]
    arguments = [sys.executable, "-m", "fairtrial_cli.main", *options]
    child = Child(Program("models", arguments, os.environ, log))
    try:
        child.start()
        _await_ready(child, f"http://127.0.0.1:{port}/readyz")
        yield [child]
    finally:
        child.end()


async def measure(base_url: str, tickets: Sequence[Sequence[Mapping[str, str]]]) -> float:
    """How many tickets the base answers in a second with both engines busy, not counting the first, cold calls."""
    prompts = itertools.cycle(tickets)
    async with httpx.AsyncClient(base_url=base_url, timeout=120, trust_env=False) as client:
        await asyncio.gather(*(_answer(client, next(prompts)) for _ in range(ENGINES)))
        began = time.perf_counter()
        done = 0

        async def keep_asking() -> None:
            nonlocal done
            while done < MOST_ANSWERS and time.perf_counter() - began < MEASURE_SECONDS:
                await _answer(client, next(prompts))
                done += 1

        await asyncio.gather(*(keep_asking() for _ in range(ENGINES)))
        return done / (time.perf_counter() - began)


async def _answer(client: httpx.AsyncClient, messages: Sequence[Mapping[str, str]]) -> None:
    body = {"model": BASE_MODEL, "messages": list(messages), "max_tokens": TOKENS, "temperature": 0}
    (await client.post("/chat/completions", json=body)).raise_for_status()


def _await_ready(child: Child, url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(timeout=2, trust_env=False) as client:
        while time.monotonic() < deadline:
            raise_if_failed(child)
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass  # not started yet
            time.sleep(0.05)
    raise UsageError(f"the local models were not ready within {READY_SECONDS:.0f} seconds:\n{child.log_tail()}")


def is_late(user: str) -> bool:
    """Whether this user's answers come too late. The same user always gets the same result."""
    drawn = hashlib.sha256(f"late {user}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") < LATE_SHARE * 2**64


def allowed_seconds(answers_a_second: float) -> float:
    """How long a first byte may take, so that only late answers take longer on a machine of this speed.

    An answer that is not late waits for those of the suites and customers that came before it: about ten at most.
    """
    return min(MOST_SECONDS, max(LEAST_SECONDS, WAITING / answers_a_second))


@contextmanager
def late_server(port: int, models_url: str, *, late_seconds: float = 2 * MOST_SECONDS) -> "Iterator[LateServer]":
    """Serve on the port while the context lasts.

    ``models_url``: where the requests of the other users go. ``late_seconds``: how long late users wait, which may be
    changed later, when the speed of the machine is known.
    """
    with httpx.Client(base_url=models_url, timeout=PASS_SECONDS, trust_env=False) as client:
        server = LateServer(port, client, late_seconds)
        thread = threading.Thread(target=server.serve_forever, name="late server", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "LateServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if is_late(str(json.loads(body).get("user"))):
            self.server.stopping.wait(self.server.late_seconds)
            return self._answer(503, OVERLOADED)
        answer = self.server.client.post(
            self.path.removeprefix("/v1"), content=body, headers={"content-type": "application/json"}
        )
        return self._answer(answer.status_code, answer.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing between the demo's lines."""


class LateServer(ThreadingHTTPServer):
    """Each request has its own thread, because late ones wait."""

    daemon_threads = True

    def __init__(self, port: int, client: httpx.Client, late_seconds: float) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.client = client
        self.late_seconds = late_seconds
        self.stopping = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore that the gateway has closed the connection: it does so when an answer is late."""
