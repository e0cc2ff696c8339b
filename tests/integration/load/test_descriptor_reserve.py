"""A process at its limit of open files answers for its health, serves again when there is room, and logs one line."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Published
from tests.fixtures.gateway.gateway_fixture import plan_for
from tests.fixtures.services.descriptor_limit import callers, healthy, limited
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.server import FakeUpstream

CALLERS = 300
HALF_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-half: "
LINE = "at its limit of 128 open files"
ASK = {"model": "base-direct", "messages": [{"role": "user", "content": "q"}]}


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
