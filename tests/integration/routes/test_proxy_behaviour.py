"""The gateway's conduct: arms that stick, exposures, fallbacks, timeouts, clients that leave."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fairtrial.domain.plan import Route
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, plan_for, running
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until


def _unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_a_unit_keeps_its_arm_over_workers_and_restarts(upstream: FakeUpstream, tmp_path: Path) -> None:
    def arms(rig: Rig) -> dict[str, str]:
        return {f"u{n}": post(rig, {**BOT, "user": f"u{n}"}).headers["x-fairtrial-variant"] for n in range(20)}

    with running(tmp_path, workers=2) as rig:
        rig.publish(plan_for(upstream.url))
        until(lambda: len(_livez(rig)) == 2)
        first = arms(rig)
        assert set(first.values()) == {"base", "tuned"}
        os.kill(rig.worker_pids()[0], signal.SIGKILL)
        assert arms(rig) == first
    with running(tmp_path, workers=1) as rig:
        rig.publish(plan_for(upstream.url))
        assert arms(rig) == first


def _livez(rig: Rig) -> set[str]:
    return {httpx.get(f"{rig.root}/livez").json()["worker"] for _ in range(40)}


def test_workers_end_with_their_supervisor_however_it_dies(tmp_path: Path) -> None:
    code = (
        "import sys,pathlib,threading\nfrom gateway.proxy.supervisor import Serving, Supervisor\n"
        "s=Supervisor(Serving('127.0.0.1',0,pathlib.Path('plan'),pathlib.Path(sys.argv[1]),2))\n"
        "threading.Timer(0.5,lambda:print(*[p.process.pid for p in s._places],flush=True)).start()\ns.run()"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert supervisor.stdout is not None
    pids = [int(word) for word in supervisor.stdout.readline().split()]
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    assert len(pids) == 2
    for _ in range(300):
        if not any(_alive(pid) for pid in pids):
            return
        signal.sigtimedwait([], 0.05)
    pytest.fail("workers outlived their supervisor")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_exposure_says_who_was_assigned_what_and_why(rig: Rig, upstream: FakeUpstream) -> None:
    post(rig, {**BOT, "user": "ann"}, **{"x-stainless-retry-count": "2", "x-fairtrial-tags": "team=a"})
    post(rig, BOT)
    stage = replace(plan_for(upstream.url).experiments[EXPERIMENT], stage=0.000001)
    rig.publish(plan_for(upstream.url, experiments={EXPERIMENT: stage}))
    post(rig, {**BOT, "user": "ann"})
    rig.publish(plan_for(upstream.url, experiment={"state": "killed"}))
    post(rig, {**BOT, "user": "ann"})
    rig.publish(plan_for(upstream.url, experiment={"state": "paused"}))
    post(rig, {**BOT, "user": "ann"})
    found = rig.events("exposure")
    assert [event["reason"] for event in found] == ["assigned", "no_unit", "not_enrolled", "kill", "excluded"]
    assert [event["enrolled"] for event in found] == [True, False, False, True, False]
    assert [event["served"] for event in found][1:] == ["base"] * 4
    assert found[0]["assigned"] == found[3]["assigned"]
    assert found[0]["unit"] == found[3]["unit"] != "ann"
    assert found[1]["unit"] is None
    assert (found[0]["retry_ordinal"], found[0]["propensity"]) == (2, 0.5)
    request = rig.events("request")[0]
    assert (request["retry_ordinal"], request["tags"]) == (2, {"team": "a"})


def test_a_promoted_variant_answers_everyone_with_its_overrides_and_is_not_enrolled(
    rig: Rig, upstream: FakeUpstream
) -> None:
    plan = plan_for(upstream.url, experiment={"state": "ended", "serves": "tuned", "stage": 1.0})
    rig.publish(plan)
    for user in ("ann", "bob", None):
        answer = post(rig, BOT if user is None else {**BOT, "user": user})
        assert answer.json()["model"] == "tuned-model"
        sent = upstream.seen[-1].json
        assert (sent["messages"][0], sent["temperature"]) == ({"role": "system", "content": "Be kind."}, 0.2)
    found = rig.events("exposure")
    assert [(one["reason"], one["enrolled"], one["assigned"], one["served"], one["state"]) for one in found] == [
        ("promoted", False, "tuned", "tuned", "ended")
    ] * 3


def _with_fallback(url: str, dead: str, **timeouts: float) -> Any:
    tuned = deployment("tuned", dead)
    if timeouts:
        tuned = replace(tuned, timeouts=replace(tuned.timeouts, **timeouts))
    plan = plan_for(url)
    return plan_for(
        url,
        deployments={**plan.deployments, "tuned": tuned},
        routes={**plan.routes, "bot": Route("bot", experiment=EXPERIMENT, fallback="base")},
    )


def _tuned_user(rig: Rig) -> str:
    for n in range(50):
        post(rig, {**BOT, "user": f"u{n}"})
        if rig.events("exposure")[-1]["assigned"] == "tuned":
            return f"u{n}"
    raise AssertionError("nobody was assigned the tuned arm")


def test_a_fallback_serves_and_the_assigned_arm_is_kept(rig: Rig, upstream: FakeUpstream) -> None:
    user = _tuned_user(rig)
    rig.publish(_with_fallback(upstream.url, f"http://127.0.0.1:{_unused_port()}/v1"))
    answer = post(rig, {**BOT, "user": user})
    assert answer.status_code == 200
    request, exposure = rig.events("request")[-1], rig.events("exposure")[-1]
    assert (request["variant_assigned"], request["variant_served"], request["reason"]) == ("tuned", "base", "fallback")
    assert (exposure["assigned"], exposure["served"], exposure["reason"]) == ("tuned", "base", "fallback")
    attempts = [event for event in rig.events("attempt") if event["request_id"] == request["request_id"]]
    assert [(event["purpose"], event["deployment"], event["status"]) for event in attempts] == [
        ("live", "tuned", None),
        ("retry", "tuned", None),
        ("fallback", "base", 200),
    ]
    assert b"Be kind" not in upstream.seen[-1].body


@pytest.mark.parametrize("script", [{"kind": "html", "status": 500}, {"kind": "stall"}, {"kind": "reset"}])
def test_a_fallback_follows_server_errors_stalls_and_resets_before_the_first_byte(
    rig: Rig, upstream: FakeUpstream, script: dict[str, Any]
) -> None:
    user = _tuned_user(rig)
    with FakeUpstream() as bad:
        bad.script = script
        rig.publish(_with_fallback(upstream.url, bad.url, first_byte=0.3))
        answer = post(rig, {**BOT, "user": user, "stream": True})
    assert answer.text.endswith("data: [DONE]\n\n")
    assert rig.events("request")[-1]["reason"] == "fallback"


def test_nothing_falls_back_after_the_first_byte(rig: Rig, upstream: FakeUpstream) -> None:
    user = _tuned_user(rig)
    with FakeUpstream() as bad:
        bad.script = {"kind": "stream", "then": "reset", "done": False, "finish": False}
        rig.publish(_with_fallback(upstream.url, bad.url))
        answer = post(rig, {**BOT, "user": user, "stream": True})
    assert answer.status_code == 200
    assert '"upstream_reset"' in answer.text
    assert "[DONE]" not in answer.text
    assert len([event for event in rig.events("attempt") if event["request_id"] == answer.headers["x-request-id"]]) == 1


def test_an_upstream_that_is_not_there_is_a_502_and_a_silent_one_a_504(rig: Rig, upstream: FakeUpstream) -> None:
    gone = deployment("base", f"http://127.0.0.1:{_unused_port()}/v1")
    tuned = deployment("tuned", upstream.url)
    rig.publish(plan_for(upstream.url, deployments={"base": gone, "tuned": tuned}))
    answer = post(rig, DIRECT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_connect")
    slow = deployment("base", upstream.url)
    slow = replace(slow, timeouts=replace(slow.timeouts, first_byte=0.2, idle=0.2))
    rig.publish(plan_for(upstream.url, deployments={"base": slow, "tuned": tuned}))
    answer = post(rig, {**DIRECT, "fake": {"kind": "stall"}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")
    stalled = {"kind": "stream", "then": "stall", "done": False, "finish": False}
    answer = post(rig, {**DIRECT, "stream": True, "fake": stalled})
    assert (answer.status_code, '"upstream_stalled"' in answer.text) == (200, True)


def test_a_client_that_leaves_cancels_the_upstream(rig: Rig, upstream: FakeUpstream) -> None:
    stream = {"kind": "stream", "then": "stall", "done": False, "finish": False}
    with openai.OpenAI(base_url=rig.url, api_key="x") as client:
        made = client.chat.completions.create(
            model="base-direct", messages=[], stream=True, extra_body={"fake": stream}
        )
        assert next(iter(made)).choices[0].delta.role == "assistant"
        made.close()
    assert upstream.seen[-1].gone.wait(PATIENCE)
    event = rig.await_events("request", 1)[-1]
    assert (event["outcome"], event["status"]) == ("cancelled", 200)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{rig.url}/chat/completions", json={**DIRECT, "fake": {"kind": "stall"}}, timeout=0.3)
    assert upstream.seen[-1].gone.wait(PATIENCE)
    event = rig.await_events("request", 2)[-1]
    assert (event["outcome"], event["status"]) == ("cancelled", 499)
