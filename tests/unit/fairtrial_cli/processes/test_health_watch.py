"""A service is asked over one connection, and a connection that it has closed is no reason to call it silent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from fairtrial_cli.processes.health_watch import Readiness, ReadinessProbe

BODY = b'{"status": "ok"}'


class Ready(BaseHTTPRequestHandler):
    """Answers every request, and keeps the connection."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[set[tuple[str, int]]] = set()

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        self.send_response(200)
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Ends its connections when it ends, as a process does."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Ready)
        self.sockets: list[object] = []

    def get_request(self):  # type: ignore[no-untyped-def]
        request = super().get_request()
        self.sockets.append(request[0])
        return request


@contextmanager
def serving(port: int = 0) -> Iterator[int]:
    server = Server(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        for socket in server.sockets:
            server.shutdown_request(socket)  # type: ignore[arg-type]
        server.server_close()


def test_one_connection_serves_all_questions_until_the_service_starts_again() -> None:
    Ready.connections.clear()
    with serving() as port:
        door = ReadinessProbe(f"http://127.0.0.1:{port}")
        assert [door.ready() for _ in range(3)] == 3 * [Readiness(status="ok")]
        assert len(Ready.connections) == 1
    assert door.ready() is None
    with serving(port):
        assert door.ready() == Readiness(status="ok")
    with serving(port):
        assert door.ready() == Readiness(status="ok"), "the kept connection was closed by the service before"
    door.close()
