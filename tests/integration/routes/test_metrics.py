"""One look at /metrics shows what all workers have done, whichever of them is asked."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT, post
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

ASKED = 40
OK = re.compile(r'^fairtrial_requests_total\{worker="(w\d)",outcome="ok"\} (\d+)$', re.MULTILINE)


def counted(rig: Rig) -> dict[str, int]:
    text = httpx.get(f"{rig.root}/metrics").text
    names = re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE)
    assert len(names) == len(set(names))
    return {worker: int(count) for worker, count in OK.findall(text)}


def workers(rig: Rig) -> set[str]:
    return set(re.findall(r'in_flight\{worker="(w\d)"', httpx.get(f"{rig.root}/metrics").text))


def test_every_worker_s_counts_are_in_one_answer(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, running(tmp_path, workers=2) as rig:
        rig.publish(plan_for(upstream.url))
        until(lambda: workers(rig) == {"w0", "w1"})
        for _ in range(ASKED):
            assert post(rig, DIRECT).status_code == 200
        until(lambda: sum(counted(rig).values()) == ASKED)
        assert workers(rig) == {"w0", "w1"}
