"""The gateway's edges: bad input, limits, secrets, feedback, captures, plans that are missing or broken."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fairtrial.domain.errors import PortTaken
from gateway.process_resources import listen
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until


def test_a_key_that_is_not_set_is_an_error_that_the_client_does_not_retry(rig: Rig, upstream: FakeUpstream) -> None:
    plan = plan_for(upstream.url)
    base = replace(plan.deployments["base"], api_key="${FAIRTRIAL_TEST_UNSET}")
    rig.publish(plan_for(upstream.url, deployments={**plan.deployments, "base": base}))
    answer = post(rig, DIRECT)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (502, "false")
    assert "FAIRTRIAL_TEST_UNSET" in answer.json()["error"]["message"]


def test_a_providers_key_goes_up_and_never_comes_back(rig: Rig, upstream: FakeUpstream) -> None:
    plan = plan_for(upstream.url)
    base = replace(plan.deployments["base"], api_key="canary-0123456789")
    rig.publish(plan_for(upstream.url, deployments={**plan.deployments, "base": base}))
    echo = {"status": 401, "whole": {"error": {"message": "wrong key canary-0123456789", "type": "t", "code": None}}}
    answer = post(rig, {**DIRECT, "fake": echo})
    assert upstream.seen[-1].header("authorization") == "Bearer canary-0123456789"
    assert answer.status_code == 401
    assert "canary" not in answer.text
    assert "canary" not in rig.events("request")[-1]["response_body"]


@pytest.mark.parametrize(
    ("method", "path", "content", "kind", "status"),
    [
        ("POST", "/v1/chat/completions", b"{", "application/json", 400),
        ("POST", "/v1/chat/completions", b"[]", "application/json", 400),
        ("POST", "/v1/chat/completions", b"{}", "application/json", 400),
        ("POST", "/v1/chat/completions", b"{}", "text/plain", 400),
        ("GET", "/v1/chat/completions", b"", "application/json", 405),
        ("POST", "/v1/nothing", b"{}", "application/json", 404),
        ("DELETE", "/v1/models", b"", "application/json", 404),
        ("POST", "/v1/feedback", b"{", "application/json", 422),
        ("POST", "/v1/feedback", b'{"key":"k"}', "application/json", 422),
        ("POST", "/v1/feedback", b"[]", "application/json", 422),
    ],
)
def test_bad_input_gets_an_envelope_and_a_request_id(
    rig: Rig, method: str, path: str, content: bytes, kind: str, status: int
) -> None:
    answer = httpx.request(method, rig.root + path, content=content, headers={"content-type": kind})
    assert answer.headers["x-request-id"]
    assert "detail" not in answer.json()
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_body_over_the_limit_is_a_413_and_the_connection_stays_usable(rig: Rig) -> None:
    with httpx.Client() as client:
        answer = client.post(f"{rig.url}/chat/completions", json={**DIRECT, "x": "y" * 2**21})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert client.post(f"{rig.url}/chat/completions", json=DIRECT).status_code == 200


def test_a_foreign_host_name_is_refused_while_the_gateway_is_open(rig: Rig) -> None:
    answer = post(rig, DIRECT, host="evil.example:80")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "host_not_allowed")


def test_a_request_in_many_small_packets_is_understood(rig: Rig) -> None:
    body = '{"model":"base-direct","messages":[{"role":"user","content":"😀"}]}'.encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""])
    with socket.create_connection(("127.0.0.1", rig.supervisor.port)) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head.encode() + body:
            raw.send(bytes([byte]))
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200")


def test_feedback_is_recorded_one_at_a_time_and_in_batches(rig: Rig) -> None:
    answer = post(rig, {"request_id": "r", "key": "resolved", "value": True, "comment": "ask a@b.io"}, "/feedback")
    assert answer.status_code == 202
    batch = [
        {"response_id": "chatcmpl-1", "key": "stars", "value": 4.5},
        {"unit": "ann", "key": "mood", "value": "good", "idempotency_key": "once"},
    ]
    ids = [item["feedback_id"] for item in post(rig, batch, "/feedback").json()]
    first, second, third = rig.events("feedback")
    assert (first["feedback_id"], first["boolean"], first["comment"]) == (
        answer.json()["feedback_id"],
        True,
        "ask [email]",
    )
    assert [second["feedback_id"], third["feedback_id"]] == ids
    assert (second["response_id"], second["number"], second["boolean"]) == ("chatcmpl-1", 4.5, None)
    assert (second["request_id"], third["response_id"], first["request_id"]) == (None, None, "r")
    assert second["at_us"] < third["at_us"], "the order of a batch stays"
    assert (third["category"], third["idempotency_key"], third["request_id"]) == ("good", "once", None)
    post(rig, {**BOT, "user": "ann"})
    assert third["unit"] == rig.events("request")[-1]["unit"]


def test_bodies_are_captured_as_the_plan_says(rig: Rig, upstream: FakeUpstream) -> None:
    asked = {**DIRECT, "messages": [{"role": "user", "content": "I am a@b.io"}]}
    for capture in ("full", "redacted", "none"):
        rig.publish(plan_for(upstream.url, capture=capture))
        post(rig, asked)
        post(rig, {**asked, "stream": True})
    whole, stream, redacted, _, none, _ = rig.events("request")
    assert "I am a@b.io" in whole["request_body"]
    assert "I am [email]" in redacted["request_body"]
    assert '"content":"w0 w1 w2 "' in stream["response_body"]
    assert (none["request_body"], none["response_body"], none["capture"]) == (None, None, "none")


def test_without_a_plan_it_is_a_503_and_a_broken_plan_leaves_the_last_good_one(
    upstream: FakeUpstream, tmp_path: Path
) -> None:
    with running(tmp_path) as rig:
        until(lambda: _status(f"{rig.root}/livez") == 200)
        assert _status(f"{rig.root}/readyz") == 503
        answer = post(rig, DIRECT)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        rig.publish(plan_for(upstream.url))
        rig.layout.plan.write_text("{")
        until(lambda: httpx.get(f"{rig.root}/readyz").json()["plan"] == "refused")
        assert post(rig, DIRECT).status_code == 200
        assert total(httpx.get(f"{rig.root}/metrics").text, "plan_refused_total") == 1


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.HTTPError:
        return 0


def test_an_address_in_use_is_a_clear_error() -> None:
    taken = listen("127.0.0.1", 0, service="test", setting="nothing")
    with taken, pytest.raises(PortTaken, match="is in use"):
        listen("127.0.0.1", taken.getsockname()[1], service="test", setting="nothing")
