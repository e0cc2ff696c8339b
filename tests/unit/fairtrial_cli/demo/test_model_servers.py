"""The demo's late server: the same users are late at every call, and all others reach the model server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from fairtrial_cli.demo.model_servers import LATE_SHARE, allowed_seconds, is_late, late_server
from tests.fixtures.services.project_files import free_ports


class Models(BaseHTTPRequestHandler):
    """Answers with the path and the user of the request."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = json.dumps({"path": self.path, "user": body["user"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def models() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def users(*, late: bool) -> list[str]:
    return [name for number in range(50) if is_late(name := f"visitor-{number:04d}") is late]


def test_the_share_of_late_users_is_the_planned_one() -> None:
    late = sum(is_late(f"visitor-{number}") for number in range(10_000))
    assert abs(late / 10_000 - LATE_SHARE) < 0.02


def test_other_users_reach_the_model_server_and_late_ones_get_no_answer_in_time(models: str) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    with late_server(port, models, late_seconds=60.0):
        for user in users(late=False)[:3]:
            answer = httpx.post(url, json={"user": user}, trust_env=False)
            assert answer.json() == {"path": "/v1/chat/completions", "user": user}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json={"user": users(late=True)[0]}, timeout=0.3, trust_env=False)


@pytest.mark.parametrize(("speed", "allowed"), [(20.0, 2.0), (4.0, 5.0), (1.0, 20.0), (0.1, 60.0)])
def test_a_slow_machine_may_take_longer(speed: float, allowed: float) -> None:
    assert allowed_seconds(speed) == allowed
