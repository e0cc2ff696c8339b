"""A worker gives the memory of large bodies back, whether their requests were answered, refused or failed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fairtrial.domain.plan import Route
from fairtrial.domain.settings import BreakerRule
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20
KEPT = 45 * MIB
"""A worker with nothing to do has some 60 MiB; the bodies of each kind are 200 MiB and more."""

ASK = {"model": "base-direct", "messages": [{"role": "user", "content": "q"}]}
TEXT = [{"role": "user", "content": "lorem ipsum " * 2**20}]
MESSAGES = [{"role": "user", "content": "lorem ipsum " * 50} for _ in range(15_000)]
LARGE = {
    "one text": ({**ASK, "messages": TEXT}, 200),
    "one text that reaches nobody": ({**ASK, "model": "dead", "messages": TEXT}, 502),
    "many texts": ({**ASK, "messages": MESSAGES}, 200),
    "a text for no route": ({**ASK, "model": "unknown", "messages": TEXT}, 404),
}


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


@pytest.fixture(name="gateway", scope="module")
def gateway_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, int]]:
    """A gateway, and the memory of its worker once it has answered: what every kind of body returns to."""
    with (
        FakeUpstream() as upstream,
        running(tmp_path_factory.mktemp("memory"), max_body=64 * MIB, new_interpreters=True) as rig,
    ):
        plan = plan_for(upstream.url)
        dead = plan_for("http://127.0.0.1:9/v1")
        routes = {**plan.routes, "dead": Route("dead", deployment="nowhere")}
        nowhere = replace(dead.deployments["base"], name="nowhere", breaker=BreakerRule(failures=0))
        rig.publish(plan_for(upstream.url, routes=routes, deployments={**plan.deployments, "nowhere": nowhere}))
        [pid] = rig.worker_pids()
        assert httpx.post(f"{rig.url}/chat/completions", json=ASK).status_code == 200
        yield rig, resident(pid)


@pytest.mark.release("load")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc, as Linux has it")
@pytest.mark.parametrize("kind", LARGE)
def test_the_memory_of_twenty_large_bodies_is_given_back(gateway: tuple[Rig, int], kind: str) -> None:
    rig, before = gateway
    [pid] = rig.worker_pids()
    body, status = LARGE[kind]
    content = json.dumps(body).encode()

    def send(_: int) -> int:
        headers = {"content-type": "application/json"}
        return httpx.post(f"{rig.url}/chat/completions", content=content, headers=headers, timeout=PATIENCE).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(send, range(20))) == [status] * 20
    until(lambda: resident(pid) < before + KEPT)
