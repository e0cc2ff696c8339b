"""A process at its limit of open files answers for its health, serves again when there is room, and logs one line."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Published
from tests.fixtures.gateway.gateway_fixture import plan_for
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.server import FakeUpstream

FILES, CALLERS = 128, 300
HALF_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-half: "
LINE = "at its limit of 128 open files"
ASK = {"model": "base-direct", "messages": [{"role": "user", "content": "q"}]}


@contextlib.contextmanager
def limited(folder: Path, service: str, port: int) -> Iterator[Path]:
    """One service of a project, with 128 open files; gives its log."""
    log = folder / f"{service}.log"
    command = f"ulimit -n {FILES} && exec {sys.executable} -m fairtrial_cli.main {service}"
    with log.open("wb") as out:
        process = subprocess.Popen(["/bin/sh", "-c", command], cwd=folder, stdout=out, stderr=out)
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz", verify=False).status_code == 200:
                    break
            time.sleep(0.05)
        yield log
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def callers(port: int, count: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Connections that say this and no more; whoever is turned away at once counts too."""
    with contextlib.ExitStack() as held:
        found = []
        for _ in range(count):
            found.append(held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)))
            with contextlib.suppress(OSError):
                found[-1].sendall(said)
        yield found


def healthy(port: int) -> bool:
    """Whether /livez answers, at the third try if need be: a first connection may be closed to make room."""
    for _ in range(3):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5, verify=False).status_code == 200:
                return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("said", [b"", HALF_HEAD])
def test_a_gateway_without_descriptors_left_answers_for_its_health(tmp_path: Path, said: bytes) -> None:
    [port] = free_ports(1)
    with FakeUpstream() as upstream:
        (tmp_path / "fairtrial.yaml").write_text(
            f"version: 1\ndeployments: {{base: {{model: openai/m, base_url: '{upstream.url}'}}}}\n"
            f"gateway: {{bind: '127.0.0.1:{port}', workers: 1}}\n"
        )
        publish(Layout(tmp_path / "fairtrial.duckdb").make().plan, Published(plan_for(upstream.url), "open", (), "p"))
        with limited(tmp_path, "gateway", port) as log:
            with callers(port, CALLERS, said):
                assert [healthy(port) for _ in range(20)] == [True] * 20
                assert log.read_text().count(LINE) == 1
            answers = [httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=ASK) for _ in range(5)]
            assert [answer.status_code for answer in answers] == [200] * 5
            assert "Traceback" not in log.read_text()
