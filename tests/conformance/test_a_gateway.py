"""A, of the gateway's own: whatever is wrong with a request is told in OpenAI's envelope, with a name and no secret."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.plan.hashes import plan_hash
from tests.conformance.cases.case import MODEL, USER
from tests.conformance.harness.differential import KEYS, MAX_BODY, Differential, plan
from tests.fixtures.gateway.gateway_fixture import running
from tests.fixtures.waiting import PATIENCE, until

CHAT = "/v1/chat/completions"
ASKED = json.dumps({"model": MODEL, "messages": USER}).encode()
JSON = {"content-type": "application/json"}
BAD: dict[str, tuple[str, str, bytes, dict[str, str], int]] = {
    "no such path": ("GET", "/v1/nothing", b"", {}, 404),
    "no path at all": ("GET", "/", b"", {}, 404),
    "another method": ("PUT", CHAT, ASKED, JSON, 405),
    "no JSON": ("POST", CHAT, b"{", JSON, 400),
    "no object": ("POST", CHAT, b"[]", JSON, 400),
    "no body": ("POST", CHAT, b"", JSON, 400),
    "no model": ("POST", CHAT, b"{}", JSON, 400),
    "a model that is a number": ("POST", CHAT, b'{"model": 1}', JSON, 400),
    "no text": ("POST", CHAT, b"\xff\xfe{", JSON, 400),
    "another type": ("POST", CHAT, ASKED, {"content-type": "text/plain"}, 400),
    "packed": ("POST", CHAT, ASKED, {**JSON, "content-encoding": "gzip"}, 400),
    "nested too deeply": ("POST", CHAT, b'{"model":' + b"[" * 100_000, JSON, 400),
    "a field of a feedback": ("POST", "/v1/feedback", b'{"key": 1}', JSON, 422),
    "an unknown model": ("POST", CHAT, b'{"model": "none"}', JSON, 404),
    "nothing listens": ("POST", CHAT, b'{"model": "dead-route"}', JSON, 502),
    "no such name": ("POST", CHAT, b'{"model": "nameless-route"}', JSON, 502),
}
SECRETS = (
    "ft-good",
    "ft-wrong",
    "sk-upstream",
    "Traceback",
    "127.0.0.1",
    "localhost",
    "nowhere.invalid",
    ".py",
    "File ",
)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes, **headers: str) -> Any:
    """One request; the answer with its body read as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"authorization": "Bearer ft-good", **named})
    answer = connection.getresponse()
    return answer, json.loads(answer.read())


@pytest.mark.parametrize("name", BAD)
def test_a2_a_mistake_is_reported_in_the_envelope_and_never_as_a_detail(
    connection: http.client.HTTPConnection, name: str
) -> None:
    method, path, body, headers, status = BAD[name]
    answer, told = ask(connection, method, path, body, **headers)
    assert answer.status == status
    assert set(told) == {"error"} and set(told["error"]) == {"message", "type", "param", "code"}
    assert isinstance(told["error"]["message"], str) and isinstance(told["error"]["type"], str)
    assert all(told["error"][name] is None or isinstance(told["error"][name], str) for name in ("param", "code"))


@pytest.mark.parametrize("name", BAD)
def test_a3_every_refusal_names_its_request(connection: http.client.HTTPConnection, name: str) -> None:
    method, path, body, headers, _ = BAD[name]
    answers = [ask(connection, method, path, body, **headers)[0] for _ in range(2)]
    names = [answer.getheader("x-request-id") for answer in answers]
    assert all(names) and names[0] != names[1]


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1/feedback", "/v1/embeddings", "/v1/completions"])
@pytest.mark.parametrize("key", ["Bearer ft-wrong", "Basic Zm9vOmJhcg==", "Bearer ", ""])
def test_a3_a_wrong_key_is_one_401_whatever_is_asked(
    connection: http.client.HTTPConnection, path: str, key: str
) -> None:
    method = "GET" if path == "/v1/models" else "POST"
    answer, told = ask(connection, method, path, ASKED, **JSON, authorization=key)
    assert (answer.status, told["error"]["type"]) == (401, "invalid_request_error")
    assert answer.getheader("x-request-id")
    told_of = {json.dumps(ask(connection, method, path, ASKED, **JSON, authorization=other)[1]) for other in (key, "x")}
    assert len(told_of) == 1


def test_a6_a_gateway_that_is_not_ready_says_when_to_come_back(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        until(lambda: _answers(rig.supervisor.port))
        connection = http.client.HTTPConnection("127.0.0.1", rig.supervisor.port, timeout=PATIENCE)
        answer, told = ask(connection, "POST", CHAT, ASKED, **JSON)
        connection.close()
    assert (answer.status, set(told)) == (503, {"error"})
    assert int(answer.getheader("retry-after")) > 0 and answer.getheader("x-request-id")


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.mark.parametrize("name", BAD)
def test_a10_an_error_tells_no_key_host_or_stack(connection: http.client.HTTPConnection, name: str) -> None:
    method, path, body, headers, _ = BAD[name]
    _, told = ask(connection, method, path, body, **headers)
    assert not [secret for secret in SECRETS if secret in json.dumps(told)]


def test_a10_an_upstreams_error_does_not_repeat_its_key(
    differential: Differential, connection: http.client.HTTPConnection
) -> None:
    script = {"status": 401, "whole": {"error": {"message": "wrong key: sk-upstream", "type": "t", "code": None}}}
    answer, told = ask(connection, "POST", CHAT, ASKED, **JSON, x_fake=json.dumps(script))
    assert answer.status == 401 and "sk-upstream" not in json.dumps(told)


def test_a9_a_body_that_is_too_large_leaves_the_connection_usable(connection: http.client.HTTPConnection) -> None:
    large = b'{"model": "' + b"x" * MAX_BODY + b'"}'
    answer, told = ask(connection, "POST", CHAT, large, **JSON)
    assert (answer.status, told["error"]["code"]) == (413, "request_too_large")
    assert answer.getheader("x-request-id")
    before = connection.sock
    answer, told = ask(connection, "POST", CHAT, ASKED, **JSON)
    assert answer.status == 200 and connection.sock is before


def test_a5_what_trying_again_cannot_change_says_so(differential: Differential) -> None:
    """The header of a refusal that another try can't change: a key that is not set, where one is named."""
    whole = plan(differential.fake)
    unset = replace(whole.deployments["base"], api_key="${FAIRTRIAL_TEST_UNSET}")
    changed = replace(whole, deployments={**whole.deployments, "base": unset})
    rig = differential.rig
    differential.run_all()
    rig.publish(replace(changed, plan_hash=plan_hash(changed)), *KEYS)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", rig.supervisor.port, timeout=PATIENCE)
        answer, told = ask(connection, "POST", CHAT, ASKED, **JSON)
        connection.close()
    finally:
        differential.publish()
    assert (answer.status, answer.getheader("x-should-retry")) == (502, "false")
    assert told["error"]["code"] == "deployment_key_missing"
