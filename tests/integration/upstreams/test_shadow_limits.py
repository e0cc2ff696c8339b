"""Limits of a shadow hold under two hundred requests at once, with two workers, one of which is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.config.layout import spending_file
from fairtrial.config.plan.hashes import plan_hash
from fairtrial.domain.limits.spending import Limit
from fairtrial.domain.plan import Route, Shadow
from fairtrial.journal.spending import SpendingFile
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, plan_for, running
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

pytestmark = pytest.mark.release("kills")

AT_ONCE, LIMIT = 200, 60


async def ask_all(rig: Rig, killed: list[int]) -> Counter[str]:
    """Two hundred requests at once; the first worker is killed when a quarter of them have their answer."""
    outcomes: Counter[str] = Counter()

    async def one(client: httpx.AsyncClient, number: int) -> None:
        body: dict[str, Any] = {"model": "bot", "user": f"u{number}", "messages": [{"role": "user", "content": "q"}]}
        try:
            answer = await client.post(f"{rig.url}/chat/completions", json=body, timeout=PATIENCE)
            outcomes[f"{answer.status_code}"] += 1
        except httpx.HTTPError:
            outcomes["broken"] += 1
        if outcomes.total() == AT_ONCE // 4:
            killed.append(rig.worker_pids()[0])
            os.kill(killed[0], signal.SIGKILL)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(verify=False, limits=limits) as client:
        await asyncio.gather(*(one(client, number) for number in range(AT_ONCE)))
    return outcomes


def test_a_limit_holds_across_two_workers_and_a_kill(tmp_path: Path) -> None:
    with (
        FakeUpstream() as upstream,
        ScriptedUpstream(lambda *_: "copied", delay=0.05) as candidate,
        running(tmp_path, workers=2) as rig,
    ):
        deployments = {"base": deployment("base", upstream.url), "tuned": deployment("tuned", candidate.url)}
        plan = plan_for(upstream.url, deployments=deployments, routes={"bot": Route("bot", "base")}, experiments={})
        plan = replace(plan, plan_hash=plan_hash(replace(plan, plan_hash="")))
        shadow = Shadow("s", "bot", "base", "tuned", 100.0, Limit(requests_per_day=LIMIT), max_concurrency=64)
        rig.publish(plan, shadows=(shadow,))
        killed: list[int] = []
        outcomes = asyncio.run(ask_all(rig, killed))
        assert killed and set(outcomes) <= {"200", "broken"} and outcomes["200"] >= AT_ONCE // 4
        file = SpendingFile(spending_file(rig.layout.folder, "s"))
        until(lambda: file.spent().reached > 0, "the limit")
        rig.await_events("shadow", 1)
        sent = sum(not event["dropped"] for event in rig.events("shadow"))
        assert sent <= len(candidate.asked) <= file.spent().requests == LIMIT
        recorded = {event["request_id"] for event in rig.events("request")}
        assert len(recorded) >= outcomes["200"]  # no answered request lacks its record
        assert {event["request_id"] for event in rig.events("shadow")} <= recorded
