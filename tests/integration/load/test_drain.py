"""A gateway that is told to stop: not ready first, no new requests, and every answer that has begun ends whole."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

from gateway.proxy.http_server.server import POLL_SECONDS
from tests.fixtures.gateway.gateway_fixture import Rig, running
from tests.fixtures.gateway.kept_connection import Answer, KeptConnection
from tests.fixtures.gateway.patient_plan import patient
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.blocking_upstream import BlockingUpstream
from tests.fixtures.waiting import until_async

STREAMS = 500


async def begun(rig: Rig, upstream: BlockingUpstream, count: int) -> list[KeptConnection]:
    """So many streams that wait for the gate, the first event of each sent."""
    found = [await upstream.connect(rig.supervisor.port) for _ in range(count)]
    for number, connection in enumerate(found):
        connection.send(f"q{number}", stream=True)
    await until_async(lambda: upstream.waiting == count)
    return found


async def refused(connection: KeptConnection) -> Answer:
    """The first refusal on a kept connection, which is served until then."""
    return await connection.get_until("/v1/models", lambda answer: answer.status != 200)


def assert_told_to_come_back(answer: Answer) -> None:
    assert (answer.status, answer.error["code"], answer.error["type"]) == (503, "draining", "server_error")
    told = {name: answer.headers.get(name) for name in ("retry-after", "x-should-retry", "connection")}
    assert told == {"retry-after": "1", "x-should-retry": "true", "connection": "close"}
    assert answer.headers["x-request-id"]


async def test_c15_500_streams_end_whole_when_the_gateway_stops(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, workers=2, drain=300) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            kept = [await upstream.connect(rig.supervisor.port) for _ in range(8)]
            assert [(await one.get("/v1/models")).status for one in kept] == [200] * 8
            streams = await begun(rig, upstream, STREAMS)
            stopping = asyncio.create_task(asyncio.to_thread(rig.end, 600))
            for connection in kept:
                assert_told_to_come_back(await refused(connection))
                assert await connection.at_end()
            new = await upstream.connect(rig.supervisor.port)
            ready = await new.get_until("/readyz", lambda answer: answer.status != 200)
            assert (ready.status, ready.error["code"]) == (503, "draining")
            assert (await new.get("/livez")).status == 200
            assert_told_to_come_back(await new.ask("x" * 2**19))
            assert await new.at_end()
            assert upstream.waiting == STREAMS
            upstream.gate.set()
            answers = [await stream.answer() for stream in streams]
            assert all([await stream.at_end() for stream in streams])
            await stopping
    for number, answer in enumerate(answers):
        assert answer.status == 200 and f'"q{number}"'.encode() in answer.body
        assert answer.body.endswith(b"data: [DONE]\n\n")
    recorded = rig.events("request")
    assert sorted(one["request_id"] for one in recorded) == sorted(one.headers["x-request-id"] for one in answers)
    assert {one["outcome"] for one in recorded} == {"ok"}


async def test_what_does_not_end_in_time_is_broken_off_with_an_error_and_recorded(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, drain=0.2) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            [stream] = await begun(rig, upstream, 1)
            whole = await upstream.connect(rig.supervisor.port)
            whole.send("whole")
            await until_async(lambda: upstream.waiting == 2)
            stopping = asyncio.create_task(asyncio.to_thread(rig.end))
            broken, refusal = await stream.answer(), await whole.answer()
            await stopping
    events = broken.body.decode().strip().split("\n\n")
    assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "stopped"
    assert '"q0"' in events[0] and "[DONE]" not in broken.body.decode()
    assert (refusal.status, refusal.error["code"], refusal.headers["retry-after"]) == (503, "stopped", "1")
    recorded = {one["request_id"]: (one["outcome"], one["error_code"]) for one in rig.events("request")}
    assert recorded == {
        broken.headers["x-request-id"]: ("partial", "stopped"),
        refusal.headers["x-request-id"]: ("error", "stopped"),
    }


async def test_new_requests_are_served_in_the_time_of_grace_though_readiness_has_ended(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        upstream.gate.set()
        with running(tmp_path, grace=3600) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            connection = await upstream.connect(rig.supervisor.port)
            stopping = asyncio.create_task(asyncio.to_thread(rig.end, 600))
            ready = await connection.get_until("/readyz", lambda answer: answer.status != 200)
            assert ready.error["code"] == "draining"
            assert (await connection.ask("still")).status == 200
            rig.supervisor.break_off()
            await stopping
    assert len(rig.events("request")) == 1


async def test_a_second_signal_ends_what_is_left_at_once(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, workers=2, drain=3600) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            streams = await begun(rig, upstream, 6)
            kept = await upstream.connect(rig.supervisor.port)
            stopping = asyncio.create_task(asyncio.to_thread(rig.end, 600))
            await refused(kept)
            rig.supervisor.break_off()
            answers = [await stream.answer() for stream in streams]
            await stopping
    assert all(b'"code":"stopped"' in answer.body and b"[DONE]" not in answer.body for answer in answers)
    assert [one["outcome"] for one in rig.events("request")] == ["partial"] * 6


async def test_a_worker_that_gets_sigterm_from_a_service_manager_too_still_finishes_its_answers(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, workers=2, drain=300) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            streams = await begun(rig, upstream, 4)
            kept = await upstream.connect(rig.supervisor.port)
            stopping = asyncio.create_task(asyncio.to_thread(rig.end, 600))
            await refused(kept)
            for worker in rig.worker_pids() * 2:
                os.kill(worker, signal.SIGTERM)
            await asyncio.sleep(10 * POLL_SECONDS)  # a worker that stops at once does so at its next look
            upstream.gate.set()
            answers = [await stream.answer() for stream in streams]
            await stopping
    assert [answer.body[-14:] for answer in answers] == [b"data: [DONE]\n\n"] * 4


async def test_ctrl_c_goes_to_every_process_and_is_one_word_to_stop(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, workers=2, drain=300) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            streams = await begun(rig, upstream, 4)
            for worker in rig.worker_pids():
                os.kill(worker, signal.SIGINT)
            kept = await upstream.connect(rig.supervisor.port)
            assert (await kept.get("/readyz")).status == 200
            stopping = asyncio.create_task(asyncio.to_thread(rig.end, 600))
            await refused(kept)
            upstream.gate.set()
            answers = [await stream.answer() for stream in streams]
            await stopping
    assert [answer.body[-14:] for answer in answers] == [b"data: [DONE]\n\n"] * 4


async def test_an_upload_that_never_ends_is_refused_when_the_time_is_over(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, drain=0.1) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream))
            slow = await upstream.connect(rig.supervisor.port)
            slow.writer.write(b"POST /v1/feedback HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n")
            slow.writer.write(b"content-length: 99\r\n\r\n{")
            other = await upstream.connect(rig.supervisor.port)
            await other.get_until("/metrics", lambda answer: total(answer.body.decode(), "in_flight") == 1)
            stopping = asyncio.create_task(asyncio.to_thread(rig.end))
            assert_told_to_come_back(await slow.answer())
            await stopping


async def test_an_answer_that_is_read_on_after_its_caller_left_is_in_progress_too(tmp_path: Path) -> None:
    async with BlockingUpstream() as upstream:
        with running(tmp_path, drain=300) as rig:
            await asyncio.to_thread(rig.publish, patient(upstream, on_disconnect="drain", drain_seconds=600.0))
            [stream] = await begun(rig, upstream, 1)
            kept = await upstream.connect(rig.supervisor.port)
            await stream.reader.readuntil(b"data: ")
            stream.writer.close()
            stopping = asyncio.create_task(asyncio.to_thread(rig.end, 600))
            await refused(kept)
            upstream.gate.set()
            await stopping
    [recorded] = rig.events("request")
    assert (recorded["finish_reason"], recorded["status"]) == ("stop", 200)
