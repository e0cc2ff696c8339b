"""No key can take all of a gateway: one that uses its share is told so before its body is read, and others go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, key, running
from tests.fixtures.gateway.kept_connection import KeptConnection
from tests.fixtures.gateway.patient_plan import patient
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.blocking_upstream import BlockingUpstream
from tests.fixtures.waiting import until_async

GREEDY, OTHER = "ft-greedy", "ft-other"
CARRIED = 20
HALF = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"authorization: Bearer %b\r\ncontent-length: 1000\r\n\r\n{"
)


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[tuple[Rig, BlockingUpstream]]:
    async with BlockingUpstream() as upstream:
        with running(folder, **{"max_in_flight": CARRIED, **settings}) as rig:
            rights = ("complete", "feedback")
            await asyncio.to_thread(rig.publish, patient(upstream), key(GREEDY, *rights), key(OTHER, *rights))
            yield rig, upstream
            upstream.gate.set()
            await asyncio.to_thread(rig.end)


async def counts(connection: KeptConnection) -> str:
    return (await connection.get("/metrics")).body.decode()


@pytest.mark.parametrize(("percent", "share"), [(90, 18), (25, 5), (1, 1)])
async def test_a_key_gets_its_share_and_the_rest_is_for_others(tmp_path: Path, percent: int, share: int) -> None:
    async with serving(tmp_path, max_share_per_key=percent) as (rig, upstream):
        port = rig.supervisor.port
        greedy = [await upstream.connect(port, GREEDY) for _ in range(share)]
        for connection in greedy:
            connection.send("q", stream=True)
        await until_async(lambda: upstream.waiting == share)
        surplus = await upstream.connect(port, GREEDY)
        surplus.writer.write(HALF % GREEDY.encode())  # the answer comes though the body never does
        answer = await surplus.answer()
        assert (answer.status, answer.error["code"], answer.error["type"]) == (
            429,
            "key_share_used",
            "rate_limit_error",
        )
        assert answer.headers["retry-after"] == "1" and answer.headers["x-request-id"]
        assert (await (await upstream.connect(port, GREEDY)).get("/v1/models")).status == 429
        other = await upstream.connect(port, OTHER)
        assert (await other.get("/v1/models")).status == 200
        assert total(await counts(other), "turned_away_total", reason="key_share") == 2
        upstream.gate.set()
        assert (await other.ask("others go on")).status == 200
        for connection in greedy:
            assert (await connection.answer()).status == 200
        assert (await greedy[0].ask("there is room again")).status == 200
    assert [one["outcome"] for one in rig.events("request")] == ["ok"] * (share + 2)


async def test_half_sent_bodies_take_no_more_than_the_share_and_give_it_back(tmp_path: Path) -> None:
    async with serving(tmp_path, body_grace=1.0) as (rig, upstream):
        upstream.gate.set()
        half = [await upstream.connect(rig.supervisor.port, GREEDY) for _ in range(2 * CARRIED)]
        for connection in half:
            connection.writer.write(HALF % GREEDY.encode())
        other = await upstream.connect(rig.supervisor.port, OTHER)
        assert (await other.ask("at once")).status == 200
        statuses = sorted([(await connection.answer()).status for connection in half])
        assert statuses == [408] * 18 + [429] * (2 * CARRIED - 18)
        for connection in half:
            assert await connection.at_end()
        assert total(await counts(other), "in_flight") == 0
        assert (await (await upstream.connect(rig.supervisor.port, GREEDY)).ask("again")).status == 200


async def test_large_bodies_are_held_up_to_a_bound_and_a_key_s_share_of_it(tmp_path: Path) -> None:
    async with serving(tmp_path, max_bodies_mb=2, max_share_per_key=50) as (rig, upstream):
        port, large = rig.supervisor.port, "x" * 900_000
        first = await upstream.connect(port, GREEDY)
        first.send(large)
        await until_async(lambda: upstream.waiting == 1)
        refused = await (await upstream.connect(port, GREEDY)).ask(large)
        assert (refused.status, refused.error["code"]) == (429, "key_share_used")
        other = await upstream.connect(port, OTHER)
        other.send(large)
        await until_async(lambda: upstream.waiting == 2)
        said = await counts(await upstream.connect(port))
        assert total(said, "turned_away_total", reason="key_share_bodies") == 1
        upstream.gate.set()
        assert [(await one.answer()).status for one in (first, other)] == [200, 200]
        assert (await first.ask(large)).status == 200


async def test_the_official_client_waits_and_asks_again(tmp_path: Path) -> None:
    async with serving(tmp_path, max_share_per_key=1) as (rig, upstream):
        holding = await upstream.connect(rig.supervisor.port, GREEDY)
        holding.send("q")
        await until_async(lambda: upstream.waiting == 1)
        client = openai.AsyncOpenAI(base_url=rig.url, api_key=GREEDY, max_retries=0)
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="base-direct", messages=[{"role": "user", "content": "q"}])
        assert caught.value.code == "key_share_used"
        patient_client = client.with_options(max_retries=5)
        asking = asyncio.create_task(
            patient_client.chat.completions.create(model="base-direct", messages=[{"role": "user", "content": "z"}])
        )
        await asyncio.sleep(0.3)
        upstream.gate.set()
        assert (await holding.answer()).status == 200
        assert (await asking).choices[0].message.content == "z"
        await client.close()


async def test_a_gateway_without_keys_holds_nothing_back(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, max_in_flight=CARRIED) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            all_of_it = [await upstream.connect(rig.supervisor.port) for _ in range(CARRIED)]
            for connection in all_of_it:
                connection.send("q")
            await until_async(lambda: upstream.waiting == CARRIED)
            refused = await (await upstream.connect(rig.supervisor.port)).ask("q")
            assert (refused.status, json.loads(refused.body)["error"]["code"]) == (503, "overloaded")
            upstream.gate.set()
            assert [(await connection.answer()).status for connection in all_of_it] == [200] * CARRIED
