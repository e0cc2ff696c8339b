"""Upstreams that say it in other words: streams of odd types, errors that are no object, heads that come early."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, deployment, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT, post
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.upstream.wire import chunk

CHUNK = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
USAGE = 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4}}\n\n'
DONE = "data: [DONE]\n\n"
STREAM = {**DIRECT, "stream": True}


@pytest.fixture(name="lively", scope="module")
def lively_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("odd"), keepalive=0.05) as rig:
        yield rig


@pytest.fixture(name="rig")
def rig_fixture(lively: Rig, upstream: FakeUpstream) -> Rig:
    lively.publish(plan_for(upstream.url))
    lively.forget()
    return lively


def says(body: str, kind: str | None = "application/json", status: int = 200) -> dict[str, Any]:
    headers = {} if kind is None else {"content-type": kind}
    return {"kind": "bytes", "status": status, "headers": headers, "body": body, "framing": "chunked"}


@pytest.mark.parametrize("kind", ["Text/Event-Stream; charset=UTF-8", "text/plain", "application/octet-stream", None])
def test_a_stream_that_was_asked_for_is_one_whatever_its_type_is_called(rig: Rig, kind: str | None) -> None:
    answer = post(rig, {**STREAM, "fake": says(CHUNK + USAGE + DONE, kind)})
    assert answer.text.replace(": ping\n\n", "") == CHUNK + DONE  # a busy machine may take longer than the keepalive
    event = rig.await_events("request", 1)[-1]
    assert (event["outcome"], event["tokens_in"], event["usage_source"]) == ("ok", 7, "provider")


@pytest.mark.parametrize("body", ['[{"error":{"code":400,"message":"not valid"}}]', '"oops"', "null"])
def test_an_error_that_is_json_keeps_its_words_though_it_is_no_object(rig: Rig, body: str) -> None:
    answer = post(rig, {**DIRECT, "fake": says(body, status=400)})
    assert (answer.status_code, answer.text) == (400, body)


def test_an_error_in_other_words_that_comes_late_is_an_event_with_those_words(rig: Rig) -> None:
    late = {"kind": "steps", "steps": [{"wait": 0.3}, {"send": "HTTP/1.1 429 Too Many\r\nconnection: close\r\n\r\n"}]}
    late["steps"] += [{"send": '{"detail":"Too many"}'}, {"then": "close"}]
    last = post(rig, {**STREAM, "fake": late}).text.rstrip().rpartition("\n")[2]
    assert json.loads(last.removeprefix("data: ")) == {"error": {"detail": "Too many"}}


def test_a_head_that_came_before_the_first_token_goes_to_the_client_with_the_first_comment(rig: Rig) -> None:
    lines = [b"HTTP/1.1 200 OK", b"content-type: text/event-stream", b"x-ratelimit-reset: 1s"]
    head = b"\r\n".join([*lines, b"transfer-encoding: chunked", b"", b""])
    whole = chunk(CHUNK.encode()) + chunk(DONE.encode()) + b"0\r\n\r\n"
    steps = [
        {"send_b64": base64.b64encode(head).decode()},
        {"wait": 0.3},
        {"send_b64": base64.b64encode(whole).decode()},
    ]
    answer = post(rig, {**STREAM, "fake": {"kind": "steps", "steps": steps}})
    assert answer.headers["x-ratelimit-reset"] == "1s"
    assert answer.text.startswith(": ping\n\n") and answer.text.endswith(CHUNK + DONE)


@pytest.mark.parametrize(("key", "shown"), [("EMPTY", True), ("sk-a-real-one", False)])
def test_a_word_in_a_keys_place_is_not_taken_for_a_secret(
    rig: Rig, upstream: FakeUpstream, key: str, shown: bool
) -> None:
    both = {name: deployment(name, upstream.url, api_key=key) for name in ("base", "tuned")}
    rig.publish(plan_for(upstream.url, deployments=both))
    answer = post(rig, {**DIRECT, "fake": says(json.dumps({"error": {"message": key}}), status=401)})
    assert (key in answer.text) is shown


def test_an_error_of_ours_in_a_responses_stream_is_an_event_of_that_protocol(rig: Rig) -> None:
    created = 'event: response.created\ndata: {"type":"response.created","sequence_number":4,"response":{"id":"r"}}\n\n'
    asked = {"model": DIRECT["model"], "input": "q", "stream": True}
    script = {"kind": "stream", "events": [created], "then": "reset"}
    answer = post(rig, {**asked, "fake": script}, path="/responses").text.replace(": ping\n\n", "")
    assert answer.startswith(created + "event: error\ndata: ")
    told = json.loads(answer.removeprefix(created + "event: error\ndata: "))
    assert (told["type"], told["sequence_number"], told["code"]) == ("error", 5, "upstream_reset")
    assert told["error"]["code"] == "upstream_reset"
