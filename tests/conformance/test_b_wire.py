"""B, what no client shows: the coverage of its parameters, an arm's overrides, text that it can't send, connections."""

from __future__ import annotations

import http.client
import importlib
import json
from typing import Any

import pytest

from tests.conformance.cases.case import MODEL, USER
from tests.conformance.cases.parameters import CALLS
from tests.conformance.harness.differential import Differential

TYPES = {
    "chat.completions": ("chat.completion_create_params", "CompletionCreateParamsBase"),
    "completions": ("completion_create_params", "CompletionCreateParamsBase"),
    "embeddings": ("embedding_create_params", "EmbeddingCreateParams"),
    "responses": ("responses.response_create_params", "ResponseCreateParamsBase"),
}
PLACES = (MODEL, "acme/fake:tuned", "arms", "dead-route", "hasty-route", "nameless-route", "tls-route")
HOSTS_OWN = {
    "set-cookie", "www-authenticate", "location", "alt-svc", "strict-transport-security", "via", "server", "date",
    "access-control-allow-origin", "x-accel-redirect", "x-fairtrial-variant", "x-request-id", "clear-site-data",
}  # fmt: skip
APART = {"model", "stream"}
"""Parameters that other cases ask with."""

REQUESTS = {
    "a lone surrogate": rb'{"role":"user","content":"\ud83d"}',
    "NUL": rb'{"role":"user","content":"a\u0000b"}',
    "escapes": rb'{"role":"user","content":"\u00e9\/\ud83d\ude00"}',
    "numbers": b'{"role":"user","content":"q","big":123456789012345678901234567890,"float":1.0,"exp":1E+2,"tiny":1e-7}',
    "white space": b'{ "role" :\t"user" ,\r\n "content":"q" }',
    "a name twice": b'{"role":"user","role":"user","content":"q"}',
}


@pytest.mark.parametrize("place", CALLS)
def test_b2_there_is_a_value_for_every_parameter_that_the_installed_client_has(place: str) -> None:
    module, name = TYPES[place]
    known = set(getattr(importlib.import_module(f"openai.types.{module}"), name).__annotations__)
    least, values = CALLS[place]
    assert known - APART - set(least) - set(values) == set(), "parameters.py: new ones need a value"


def post(connection: http.client.HTTPConnection, body: bytes, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """One chat, as bytes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    base = {"authorization": "Bearer ft-good", "content-type": "application/json", "x-fake-key": "wire"}
    connection.request("POST", "/v1/chat/completions", body, {**base, **named})
    answer = connection.getresponse()
    return answer, answer.read()


@pytest.mark.parametrize("name", REQUESTS)
def test_b13_a_message_goes_up_byte_for_byte(
    differential: Differential, connection: http.client.HTTPConnection, name: str
) -> None:
    body = b'{"model":"' + MODEL.encode() + b'","messages":[' + REQUESTS[name] + b"]}"
    answer, _ = post(connection, body)
    assert answer.status == 200
    assert REQUESTS[name] in differential.fake.of("wire")[-1].body


def test_b15_a_connection_serves_one_request_after_another(
    differential: Differential, connection: http.client.HTTPConnection
) -> None:
    body = json.dumps({"model": MODEL, "messages": USER}).encode()
    post(connection, body)
    socket = connection.sock
    for script in ({"kind": "json"}, {"status": 429}, {"kind": "html"}, {"kind": "stream"}):
        post(connection, body, x_fake=json.dumps(script))
    assert connection.sock is socket
    assert len({seen.connection for seen in differential.fake.of("wire")[-4:]}) == 1


@pytest.mark.parametrize("accepted", ["gzip, br, zstd", "identity", ""])
def test_b15_an_answer_is_not_packed_whatever_the_client_accepts(
    differential: Differential, connection: http.client.HTTPConnection, accepted: str
) -> None:
    answer, body = post(connection, json.dumps({"model": MODEL, "messages": USER}).encode(), accept_encoding=accepted)
    assert answer.getheader("content-encoding") is None and json.loads(body)["object"] == "chat.completion"
    assert differential.fake.of("wire")[-1].header("accept-encoding") == "identity"


def test_b1_an_arms_overrides_are_all_that_changes_in_a_body(
    differential: Differential, connection: http.client.HTTPConnection
) -> None:
    asked: dict[str, Any] = {"model": "arms", "messages": USER, "user": "u", "temperature": 1, "x": [1.0, None]}
    post(connection, json.dumps(asked).encode(), x_fairtrial_variant="tuned")
    system = {"role": "system", "content": "Be kind."}
    changed = {"model": "tuned-model", "messages": [system, *USER], "temperature": 0.2}
    assert differential.fake.of("wire")[-1].json == {**asked, **changed}


def test_b1_what_an_upstream_says_for_its_own_host_does_not_come_back(
    differential: Differential, connection: http.client.HTTPConnection
) -> None:
    theirs = [(name, "x") for name in sorted(HOSTS_OWN)]
    whole = {"kind": "bytes", "body": "{}", "headers": [("content-type", "application/json"), ("x-own", "1"), *theirs]}
    differential.fake.scripts["host"] = whole
    answer, _ = post(connection, json.dumps({"model": MODEL, "messages": USER}).encode(), x_fake="host")
    assert answer.getheader("x-own") == "1"
    came = {name.lower(): value for name, value in answer.getheaders()}
    assert not {name for name in HOSTS_OWN if came.get(name) == "x"}


def test_b14_an_answer_of_20_mb_comes_whole(differential: Differential, connection: http.client.HTTPConnection) -> None:
    large = '{"id": "' + "é" * 10_000_000 + '", "choices": []}'
    differential.fake.scripts["20 MB"] = {"kind": "bytes", "body": large, "framing": "chunked", "pieces": 2**16}
    answer, body = post(connection, json.dumps({"model": MODEL, "messages": USER}).encode(), x_fake="20 MB")
    assert answer.status == 200 and body == large.encode()


@pytest.mark.parametrize(("key", "names"), [("ft-good", set(PLACES)), ("ft-limited", {MODEL})])
def test_b18_the_list_has_the_routes_that_the_key_may_name(
    connection: http.client.HTTPConnection, key: str, names: set[str]
) -> None:
    connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
    answer = json.loads(connection.getresponse().read())
    assert answer["object"] == "list" and {model["id"] for model in answer["data"]} == names
    assert all(model["object"] == "model" for model in answer["data"])
