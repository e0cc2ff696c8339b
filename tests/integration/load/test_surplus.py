"""More requests than a worker may have in progress: the surplus is told to come back, and nothing else changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fixtures.gateway.gateway_fixture import Rig, running
from tests.fixtures.gateway.kept_connection import Answer, KeptConnection
from tests.fixtures.gateway.patient_plan import patient
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.blocking_upstream import BlockingUpstream
from tests.fixtures.waiting import until_async

CARRIED = 8
SURPLUS = 24


def assert_overloaded(answer: Answer) -> None:
    assert (answer.status, answer.error["code"], answer.error["type"]) == (503, "overloaded", "server_error")
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("1", "true")
    assert answer.headers["x-request-id"] and "connection" not in answer.headers


def idle(answer: Answer) -> bool:
    return total(answer.body.decode(), "in_flight") == 0


async def full(rig: Rig, upstream: BlockingUpstream) -> list[KeptConnection]:
    """As many requests in progress as there may be, half of them streams."""
    found = [await upstream.connect(rig.supervisor.port) for _ in range(CARRIED)]
    for number, connection in enumerate(found):
        connection.send(f"q{number}", stream=number % 2 == 0)
    await until_async(lambda: upstream.waiting == CARRIED)
    return found


async def test_the_surplus_alone_is_refused_and_its_connections_stay_right(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, max_in_flight=CARRIED) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            carried = await full(rig, upstream)
            surplus = [await upstream.connect(rig.supervisor.port) for _ in range(SURPLUS)]
            for number, connection in enumerate(surplus):
                assert_overloaded(await connection.ask("x" * (2**19 if number % 4 == 0 else 1)))
            assert_overloaded(await surplus[0].get("/v1/models"))
            assert [(await surplus[0].get(path)).status for path in ("/livez", "/readyz")] == [200, 200]
            counts = (await surplus[0].get("/metrics")).body.decode()
            assert total(counts, "turned_away_total", reason="full") == SURPLUS + 1
            assert total(counts, "in_flight") == CARRIED
            upstream.gate.set()
            for number, connection in enumerate(carried):
                answer = await connection.answer()
                assert answer.status == 200 and f'"q{number}"'.encode() in answer.body
            for number, connection in enumerate(surplus):
                answer = await connection.ask(f"again{number}")
                assert answer.status == 200 and f'"again{number}"'.encode() in answer.body
            await asyncio.to_thread(rig.end)
    assert [one["outcome"] for one in rig.events("request")] == ["ok"] * (CARRIED + SURPLUS)


async def test_a_place_is_free_again_however_its_request_ended(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, max_in_flight=CARRIED) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            for _ in range(3):
                for connection in await full(rig, upstream):
                    connection.writer.close()
                other = await upstream.connect(rig.supervisor.port)
                await other.get_until("/metrics", idle)
                upstream.gate.set()
                await until_async(lambda: upstream.waiting == 0)
                assert (await other.ask("whole")).status == 200
                assert (await other.get("/v1/nowhere")).status == 404
                assert idle(await other.get("/metrics"))
                upstream.gate.clear()
