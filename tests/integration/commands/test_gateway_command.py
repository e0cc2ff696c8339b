"""`fairtrial gateway` by itself: its settings reach its workers, and whoever is told to stop, answers end whole."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Published
from tests.fixtures.gateway.kept_connection import KeptConnection
from tests.fixtures.gateway.patient_plan import patient
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.blocking_upstream import BlockingUpstream
from tests.fixtures.waiting import until_async


def started(folder: Path, upstream: BlockingUpstream, port: int) -> subprocess.Popen[bytes]:
    """The command with a project that lets one request in at a time, and a plan that is published already."""
    (folder / "fairtrial.yaml").write_text(
        "version: 1\n"
        f"deployments: {{base: {{model: openai/m, base_url: '{upstream.url}'}}}}\n"
        f"gateway: {{bind: '127.0.0.1:{port}', workers: 1, max_in_flight: 1, drain: 300}}\n"
    )
    layout = Layout(folder / "fairtrial.duckdb").make()
    publish(layout.plan, Published(patient(upstream), "open", (), "pepper"))
    command = [sys.executable, "-m", "fairtrial_cli.main", "gateway"]
    return subprocess.Popen(command, cwd=folder, start_new_session=True)


async def reached(upstream: BlockingUpstream, port: int) -> KeptConnection:
    """A connection to the gateway, as soon as it is ready."""
    while True:
        try:
            connection = await upstream.connect(port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
            continue
        await connection.get_until("/readyz", lambda answer: answer.status == 200)
        return connection


@pytest.mark.parametrize("to_all", [False, True])
async def test_a_stream_ends_whole_whichever_process_gets_the_signal(tmp_path: Path, to_all: bool) -> None:
    [port] = free_ports(1)
    async with BlockingUpstream() as upstream:
        process = started(tmp_path, upstream, port)
        try:
            stream = await reached(upstream, port)
            other = await reached(upstream, port)
            stream.send("first", stream=True)
            await until_async(lambda: upstream.waiting == 1)
            surplus = await other.ask("second")
            assert (surplus.status, surplus.error["code"]) == (503, "overloaded")
            if to_all:
                os.killpg(process.pid, signal.SIGINT)
            else:
                process.send_signal(signal.SIGTERM)
            ready = await other.get_until("/readyz", lambda answer: answer.status != 200)
            assert ready.error["code"] == "draining"
            upstream.gate.set()
            assert (await stream.answer()).body.endswith(b"data: [DONE]\n\n")
            assert await asyncio.to_thread(process.wait) == 0
        finally:
            process.kill()
            process.wait()
