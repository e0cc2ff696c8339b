"""A server of models that answers some users too late; it passes the requests of all others on to the model server."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

LATE_SHARE = 0.6
"""The share of users whose answers come too late."""
WAITING, LEAST_SECONDS, MOST_SECONDS = 20.0, 2.0, 60.0
"""How many answers the machine gives in the time that a first byte may take, and the limits of that time."""
PASS_SECONDS = 120.0
OVERLOADED = b'{"error": {"message": "overloaded", "type": "server_error"}}'


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
def late_server(port: int, models_url: str, *, late_seconds: float = 2 * MOST_SECONDS) -> Iterator[LateServer]:
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
    server: LateServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if is_late(str(json.loads(body).get("user"))):
            self.server.stopping.wait(self.server.late_seconds)
            return self._answer(503, OVERLOADED)
        found = self.server.client.post(
            self.path.removeprefix("/v1"), content=body, headers={"content-type": "application/json"}
        )
        return self._answer(found.status_code, found.content)

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
