"""Streams in silence: comments between events, a head that has to leave early, readers and upstreams that stall."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest

from fairtrial.domain.plan import Route
from fairtrial.domain.settings import Timeouts
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, plan_for, running
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

PING = ": ping\n\n"
STREAM = {**DIRECT, "stream": True}
LATE = {"wait": 0.25}
HEAD = {"send": "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"}
ROLE = 'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}\n\n'
STOP = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}\n\n'
DONE = "data: [DONE]\n\n"
LIMITED = {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit"}


@pytest.fixture(name="lively", scope="module")
def lively_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("lively"), keepalive=0.05) as rig:
        yield rig


@pytest.fixture(name="rig")
def rig_fixture(lively: Rig, upstream: FakeUpstream) -> Rig:
    lively.publish(plan_for(upstream.url))
    lively.forget()
    return lively


def _steps(*steps: dict[str, Any] | str) -> dict[str, Any]:
    return {"kind": "steps", "steps": [{"send": step} if isinstance(step, str) else step for step in steps]}


def test_comments_come_between_events_only_and_before_the_first_one_too(rig: Rig) -> None:
    half = len(ROLE) // 2
    script = _steps(LATE, HEAD, LATE, ROLE[:half], LATE, ROLE[half:], LATE, STOP, DONE, {"then": "close"})
    answer = post(rig, {**STREAM, "fake": script})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-fairtrial-reason"] == "direct"  # without a fallback it is known before the answer
    assert answer.text.startswith(PING)
    first, _, rest = answer.text.partition(ROLE)
    assert first.count(PING) > 2
    assert rest.replace(PING, "") == STOP + DONE
    assert answer.text.replace(PING, "") == ROLE + STOP + DONE
    event = rig.events("request")[-1]
    assert (event["status"], event["outcome"], event["finish_reason"]) == (200, "ok", "stop")


def test_the_official_client_takes_no_comment_for_a_chunk(rig: Rig) -> None:
    script = _steps(LATE, HEAD, LATE, ROLE, LATE, STOP, DONE, {"then": "close"})
    with openai.OpenAI(base_url=rig.url, api_key="x") as client:
        made = client.chat.completions.create(
            model="base-direct", messages=[], stream=True, extra_body={"fake": script}
        )
        assert [chunk.choices[0].delta.content for chunk in made] == ["a", "b"]


def test_an_answer_that_is_no_stream_has_no_comments(rig: Rig) -> None:
    answer = post(rig, {**DIRECT, "fake": {"kind": "json", "delay": 0.4}})
    assert (answer.status_code, "ping" in answer.text) == (200, False)
    answer = post(rig, {**DIRECT, "stream": False, "fake": {"kind": "json", "delay": 0.4, "status": 429}})
    assert (answer.status_code, "ping" in answer.text) == (429, False)


def test_a_failure_before_the_first_comment_has_its_real_status(rig: Rig) -> None:
    script = {"kind": "bytes", "status": 429, "body": json.dumps({"error": LIMITED})}
    answers = (post(rig, {**STREAM, "fake": script}) for _ in range(20))
    answer = next(one for one in answers if "ping" not in one.text)  # a busy machine can be later than the comment
    assert (answer.status_code, answer.json()["error"]) == (429, LIMITED)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (
            {"kind": "bytes", "status": 429, "delay": 0.25, "body": json.dumps({"error": LIMITED}, indent=1)},
            "rate_limit",
        ),
        ({"kind": "bytes", "status": 502, "delay": 0.25, "body": "<html>"}, "upstream_error"),
        ({"kind": "bytes", "delay": 0.25, "body": '{"id":"c","choices":[]}'}, "upstream_error"),
        ({"kind": "bytes", "status": 307, "delay": 0.25, "body": ""}, "upstream_redirect"),
        (_steps(LATE, {"then": "reset"}), "upstream_reset"),
    ],
)
def test_a_failure_after_it_is_an_error_event(rig: Rig, script: dict[str, Any], code: str) -> None:
    answer = post(rig, {**STREAM, "fake": script})
    assert (answer.status_code, "[DONE]" in answer.text) == (200, False)
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data:")]
    assert json.loads("\n".join(events))["error"]["code"] == code
    with openai.OpenAI(base_url=rig.url, api_key="x", max_retries=0) as client, pytest.raises(openai.APIError) as found:
        list(client.chat.completions.create(model="base-direct", messages=[], stream=True, extra_body={"fake": script}))
    assert found.value.code == code
    for event in rig.await_events("request", 2):
        assert (event["status"], event["outcome"], event["error_code"]) == (200, "error", code)
    assert {event["status"] for event in rig.events("attempt")} == {
        script.get("status", 200 if "body" in script else None)
    }


def test_a_fallback_still_serves_after_comments_and_before_a_first_byte(rig: Rig, upstream: FakeUpstream) -> None:
    plan = plan_for(upstream.url)
    with FakeUpstream() as bad:
        bad.script = {"kind": "bytes", "status": 500, "delay": 0.25, "body": "x"}
        both = {"base": plan.deployments["base"], "tuned": deployment("tuned", bad.url)}
        routes = {**plan.routes, "bot": Route("bot", experiment=EXPERIMENT, fallback="base")}
        rig.publish(plan_for(upstream.url, deployments=both, routes=routes))
        for n in range(20):
            answer = post(rig, {**BOT, "user": f"u{n}", "stream": True})
            if rig.events("exposure")[-1]["assigned"] == "tuned":
                break
    assert answer.text.startswith(PING)
    assert answer.text.endswith(DONE)
    assert not {"x-fairtrial-variant", "x-fairtrial-reason"} & set(answer.headers)
    event = rig.events("request")[-1]
    assert (event["reason"], event["variant_served"], event["status"]) == ("fallback", "base", 200)


def test_an_upstream_that_stays_after_its_end_adds_nothing(rig: Rig, upstream: FakeUpstream) -> None:
    _hasten(rig, upstream)
    answer = post(rig, {**STREAM, "fake": _steps(HEAD, ROLE, STOP, DONE, {"then": "stall"})})
    assert answer.text == ROLE + STOP + DONE
    assert rig.events("request")[-1]["outcome"] == "ok"


def test_a_silent_upstream_is_a_stall_whatever_comments_were_sent(rig: Rig, upstream: FakeUpstream) -> None:
    _hasten(rig, upstream)
    answer = post(rig, {**STREAM, "fake": _steps(HEAD, ROLE, {"then": "stall"})})
    assert answer.text.startswith(ROLE + PING)
    assert json.loads(answer.text.rpartition("data: ")[2])["error"]["code"] == "upstream_stalled"
    assert rig.events("request")[-1]["outcome"] == "partial"


def test_a_reader_that_takes_nothing_is_let_go_and_its_upstream_with_it(rig: Rig, upstream: FakeUpstream) -> None:
    _hasten(rig, upstream)
    script = {"kind": "stream", "events": [ROLE.replace('"a"', json.dumps("a" * 2**16))] * 400}
    upstream.script = script
    body = json.dumps(STREAM).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
        raw.connect(("127.0.0.1", rig.supervisor.port))
        raw.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        event = rig.await_events("request", 1)[-1]
        assert upstream.seen[-1].gone.wait(PATIENCE)
    assert (event["outcome"], event["status"]) == ("cancelled", 200)
    assert upstream.seen[-1].sent < 400 * 2**16
    assert "in_flight" in (text := httpx.get(f"{rig.root}/metrics").text)
    assert total(text, "in_flight") == 0


def test_a_response_is_recorded_before_its_terminal_event_leaves(rig: Rig) -> None:
    with openai.OpenAI(base_url=rig.url, api_key="x") as client:
        for event in client.responses.create(model="base-direct", input="q", stream=True):
            if event.type == "response.completed":
                found = rig.events("request")[-1]
                break
    assert (found["outcome"], found["endpoint"], found["usage_source"]) == ("ok", "/responses", "provider")
    assert found["finish_reason"] == "completed"


def _hasten(rig: Rig, upstream: FakeUpstream) -> None:
    hasty = replace(
        deployment("base", upstream.url), timeouts=Timeouts(connect=2.0, first_byte=5.0, idle=0.5, total=30.0)
    )
    rig.publish(plan_for(upstream.url, deployments={**plan_for(upstream.url).deployments, "base": hasty}))
    rig.forget()
