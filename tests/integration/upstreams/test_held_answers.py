"""While an answer is held, silence, memory and discarded tries have limits and are counted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Route
from fairtrial.domain.settings import RetryRule, Timeouts
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, plan_for, running
from tests.fixtures.upstream.faults import WELL, Script, error
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

PAGE, MIB = os.sysconf("SC_PAGE_SIZE"), 2**20
STREAMS = 60
EVENT = 'data: {"id":"a","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
USAGE = 'data: {"id":"a","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4,"total_tokens":11}}\n\n'
FINISH = 'data: {"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture(name="spare")
def spare_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


def publish(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, **changes: Any) -> None:
    deployments = {"first": deployment("first", upstream.url, **changes), "spare": deployment("spare", spare.url)}
    routes = {
        "held": Route("held", deployment="first", fallback="spare", hold="complete"),
        "alone": Route("alone", deployment="first", hold="complete"),
        "plain": Route("plain", deployment="first", fallback="spare"),
    }
    rig.publish(plan_for(upstream.url, deployments=deployments, routes=routes, experiments={}))


def ask(rig: Rig, model: str = "held", **fields: Any) -> httpx.Response:
    sent = {"model": model, "user": "u", "stream": True, "messages": [{"role": "user", "content": "hi"}]} | fields
    return httpx.post(f"{rig.url}/chat/completions", json=sent, timeout=PATIENCE, verify=False)


def calls(rig: Rig, answer: httpx.Response) -> list[dict[str, Any]]:
    name = answer.headers["x-request-id"]
    until(lambda: any(one["request_id"] == name for one in rig.events("request")))
    return [one for one in rig.events("attempt") if one["request_id"] == name]


def routes_of(attempts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["purpose"], one["deployment"]) for one in attempts]


@pytest.mark.parametrize("then", ["stall", "close"])
def test_a_stall_of_a_held_answer_goes_to_the_fallback_at_once(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, then: str
) -> None:
    silence = {"failover": 0.5} if then == "stall" else {}
    publish(rig, upstream, spare, timeouts=Timeouts(**silence))
    stalling = {"kind": "stream", "chunks": 2, "finish": False, "done": False, "then": "stall"}
    ending = {"kind": "stream", "chunks": 2, "delay": 2.5, "finish": False, "done": False, "then": "reset"}
    upstream.script = stalling if then == "stall" else ending
    answer = ask(rig)
    assert answer.headers["x-fairtrial-served"] == "spare"
    attempts = calls(rig, answer)
    assert routes_of(attempts) == [("live", "first"), ("fallback", "spare")]
    assert attempts[0]["error_code"] == "upstream_stalled"


def test_usage_of_a_discarded_try_is_in_the_record(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream, spare, retry=RetryRule(attempts=1))
    upstream.script = {"kind": "bytes", "headers": EVENTS, "body": EVENT % "w0" + "data: {oops\n\n" + USAGE}
    answer = ask(rig)
    discarded, served = calls(rig, answer)
    assert (discarded["tokens_in"], discarded["tokens_out"], discarded["usage_source"]) == (7, 4, "partial")
    assert discarded["cost_usd"] == "0.000054" and served["cost_usd"] is not None


def test_a_wait_that_was_kept_to_is_used(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream, spare, retry=RetryRule(attempts=2, budget=1.0))
    seen: set[str] = set()

    def once(asked: dict[str, Any]) -> Script:
        first = asked["user"] not in seen
        seen.add(asked["user"])
        return error(429, **{"retry-after": "1"}) if first else WELL

    upstream.script = once

    def served(number: int) -> str:
        time.sleep(number * 0.04)
        answer = ask(rig, "plain", user=f"u{number}", stream=False)
        waited = ("retry", "first") in routes_of(calls(rig, answer))
        return f"{answer.headers['x-fairtrial-served']} after a wait" if waited else "at once"

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(served, range(8))) <= {"first after a wait", "at once"}


def test_500_can_be_tried_again(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream, spare, retry=RetryRule(on=("500",)))
    upstream.script = error(500)
    assert routes_of(calls(rig, ask(rig, "plain", stream=False))) == [
        ("live", "first"), ("retry", "first"), ("fallback", "spare"),
    ]  # fmt: skip


@pytest.mark.release("attacks")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc, as Linux has it")
def test_sixty_held_streams_share_the_budget_of_bodies(
    tmp_path: Path, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    with running(tmp_path, new_interpreters=True, max_bodies_mb=64) as rig:
        publish(rig, upstream, spare, timeouts=Timeouts(connect=PATIENCE, failover=PATIENCE))
        assert ask(rig).status_code == 200
        [pid] = rig.worker_pids()
        before = most = resident(pid)
        body = EVENT % ("word " * 4_000) * 1_000
        upstream.script = {"kind": "bytes", "headers": EVENTS, "body": body + FINISH + "data: [DONE]\n\n"}
        with ThreadPoolExecutor(STREAMS) as threads:
            asked = [threads.submit(ask, rig, "alone") for _ in range(STREAMS)]
            while not all(answer.done() for answer in asked):
                most = max(most, resident(pid))
                time.sleep(0.02)
        answers = [answer.result() for answer in asked]
        codes = {answer.json()["error"]["code"] for answer in answers if answer.status_code == 503}
        statuses = {answer.status_code for answer in answers}
        assert statuses <= {200, 503, 504} and codes == {"overloaded"}, "504: on a busy machine"
        assert any(answer.status_code == 200 for answer in answers)
        assert most - before < 6 * 64 * MIB
        assert len(rig.await_events("request", STREAMS + 1)) == STREAMS + 1, "refused ones are recorded"
        assert ask(rig, "alone").status_code == 200, "held bytes are freed"


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
