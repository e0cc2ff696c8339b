"""Fixtures of the proxy's tests: an upstream for each, and one gateway for a whole module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from proxy_rig import Rig, plan_for, running

from tests.upstream.server import FakeUpstream

DIRECT = {"model": "base-direct", "messages": [{"role": "user", "content": "q"}]}
BOT = {"model": "bot", "messages": [{"role": "user", "content": "q"}]}


@pytest.fixture(name="upstream")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="one_worker", scope="module")
def one_worker_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("proxy")) as found:
        yield found


@pytest.fixture(name="rig")
def rig_fixture(upstream: FakeUpstream, one_worker: Rig) -> Rig:
    """The one gateway of this module, with this test's upstream and nothing recorded yet."""
    one_worker.publish(plan_for(upstream.url))
    one_worker.forget()
    return one_worker


def post(rig: Rig, body: Any, path: str = "/chat/completions", **headers: str) -> httpx.Response:
    return httpx.post(rig.url + path, json=body, headers=headers, timeout=30, verify=False)
