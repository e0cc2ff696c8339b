"""Odd answers through a whole gateway: each becomes a 502 or a 504 or is what the upstream said, and none strays."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Route
from fairtrial.domain.settings import Timeouts
from tests.fixtures.gateway.gateway_fixture import called_once, deployment, plan_for, running
from tests.fixtures.gateway.odd_answers import late, odd_answer, serve
from tests.fixtures.upstream.raw_upstream import RawUpstream
from tests.fixtures.waiting import PATIENCE

CASES, WORKERS = 500, 8
ROUTES = {"base-direct": Route("base-direct", deployment="base")}
UNLUCKY = 0
"""Counts good requests that met the end of a connection."""

SAID = re.compile(rb"HTTP/\d\.\d (\d{3})")


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_odd_answers_are_502_or_504_and_good_ones_are_their_own(tmp_path: Path) -> None:
    seen: Counter[int] = Counter()
    with running(tmp_path) as rig:
        async with RawUpstream(serve) as upstream, httpx.AsyncClient(timeout=PATIENCE) as client:
            url = upstream.url.removesuffix("/chat/completions")
            times = Timeouts(connect=2.0, first_byte=2.5, idle=1.0, total=10.0)
            plan = plan_for(
                url, deployments={"base": deployment("base", url, timeouts=times)}, experiments={}, routes=ROUTES
            )
            rig.publish(called_once(plan))
            numbers = islice(filter(_certain, count()), CASES)
            address = f"{rig.url}/chat/completions"
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(_worker(client, address, numbers, seen))
        assert len(rig.await_events("request", 2 * CASES)) == 2 * CASES
    assert seen.total() - seen[UNLUCKY] == CASES and seen[502] > CASES / 3


async def _worker(client: httpx.AsyncClient, url: str, numbers: Iterator[int], seen: Counter[int]) -> None:
    """Each good answer comes, or nearly each.

    Some odd answers are whole, and their connections close behind them without a word. A request that meets this moment
    may have been read, and then it is not sent again.
    """
    for number in numbers:
        odd = await client.post(url, json=_asked(f"odd-{number}"))
        said = {int(status) for status in SAID.findall(b"".join(odd_answer(number)[0]))}
        assert odd.status_code in said | {502, 504}, number
        assert "token-" not in odd.text
        seen[odd.status_code] += 1
        good = await client.post(url, json=_asked(f"token-{number}"))
        if good.status_code == 502:
            assert good.json()["error"]["code"] == "upstream_reset"
            seen[UNLUCKY] += 1
            assert seen[UNLUCKY] < CASES / 20
            continue
        assert (good.status_code, good.json()) == (200, {"token": f"token-{number}"}), number


def _certain(number: int) -> bool:
    """Whether no byte can come after another request took the connection: nobody could tell whose that is."""
    return not late(number) or len(odd_answer(number)[0]) == 1


def _asked(content: str) -> dict[str, Any]:
    return {"model": "base-direct", "messages": [{"role": "user", "content": content}]}
