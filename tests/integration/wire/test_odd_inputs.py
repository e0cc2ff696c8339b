"""Odd inputs at the gateway: each a clear 4xx in OpenAI's envelope, and what OpenAI itself would take is passed on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fixtures.gateway.gateway_fixture import Rig
from tests.fixtures.gateway.module_gateway import DIRECT, post
from tests.fixtures.gateway.raw_client import RawClient, Received

LONG = "9" * 400
HEAD = "POST /v1/chat/completions HTTP/1.1\r\ncontent-type: application/json\r\nhost: 127.0.0.1\r\n"
HEADS = {
    "two hosts": "host: localhost\r\ncontent-length: 2\r\n\r\n{}",
    "two hosts of one name": "Host: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}",
    "another coding": "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding after chunked": "transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked as a choice": "te: gzip, chunked\r\ncontent-length: 2\r\n\r\n{}",
    "a length of 400 digits": f"content-length: {LONG}\r\n\r\n",
    "a chunk of 400 digits": f"transfer-encoding: chunked\r\n\r\n{LONG}\r\n",
}


def answer_to(rig: Rig, said: str) -> Received:
    with RawClient(rig.supervisor.port) as client:
        client.send(said.encode())
        return client.answer()


def error_of(got: Received) -> dict[str, Any]:
    error = json.loads(got.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_that_can_be_read_in_two_ways_is_a_400_that_says_why(rig: Rig, kind: str) -> None:
    got = answer_to(rig, HEAD + HEADS[kind])
    assert (got.status, got.headers["connection"], got.ending) == (400, "close", "whole")
    error = error_of(got)
    assert error["code"] == "malformed_request"
    said = {"two": "host: is given twice", "another": "only chunked", "chunked": "te: "}
    others = ("a coding after chunked", "400")  # the parser's own refusal
    assert any(kind.startswith(start) and words in error["message"] for start, words in said.items()) or any(
        other in kind for other in others
    )


def test_a_body_that_says_it_is_too_large_is_a_413_before_it_is_asked_for(rig: Rig) -> None:
    got = answer_to(rig, HEAD + f"expect: 100-continue\r\ncontent-length: {2**20 + 1}\r\n\r\n")
    assert (got.status, error_of(got)["code"]) == (413, "request_too_large")
    assert b"100 Continue" not in got.wire


def test_a_body_that_fits_is_asked_for(rig: Rig) -> None:
    body = json.dumps(DIRECT).encode()
    with RawClient(rig.supervisor.port) as client:
        client.send((HEAD + f"expect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n").encode())
        assert client.receive() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(body)
        assert client.answer().status == 200


@pytest.mark.parametrize("value", [LONG, f"-{LONG}", f"0.{LONG}", f"1e{LONG}"])
def test_numbers_of_400_digits_reach_the_model_s_server_as_they_came(rig: Rig, value: str) -> None:
    fields = "".join(f',"{name}":{value}' for name in ("seed", "temperature", "unknown"))
    body = json.dumps(DIRECT)[:-1] + fields + "}"
    got = answer_to(rig, HEAD + f"content-length: {len(body)}\r\nx-stainless-retry-count: {LONG}\r\n\r\n{body}")
    assert got.status == 200
    assert rig.await_events("request", 1)[-1]["outcome"] == "ok"


@pytest.mark.parametrize("change", [
    {"value": int(LONG)},
    {"value": -int(LONG)},
    {"key": "reso\x07lved"},
    {"key": "resolved\n"},
    {"request_id": "r\x00"},
    {"idempotency_key": "i\x1b[2J"},
    {"request_id": None, "unit": "u\u2028nit"},
    {"request_id": None, "response_id": "r\x85"},
])  # fmt: skip
def test_feedback_with_odd_names_or_numbers_is_refused_and_not_recorded(rig: Rig, change: dict[str, Any]) -> None:
    plain = {"request_id": "r", "key": "resolved", "value": 1, **change}
    answer = post(rig, {name: value for name, value in plain.items() if value is not None}, "/feedback")
    assert answer.status_code == 422
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert rig.events("feedback") == []


@pytest.mark.parametrize("header", ["x-fairtrial-unit", "x-fairtrial-tags"])
@pytest.mark.parametrize("value", ["a\tb", "a\u0085b", "a\u2028b"])
def test_a_unit_or_tag_with_a_control_character_is_a_400(rig: Rig, header: str, value: str) -> None:
    body = json.dumps(DIRECT)
    with RawClient(rig.supervisor.port) as client:
        client.send((HEAD + f"{header}: {value}\r\ncontent-length: {len(body)}\r\n\r\n{body}").encode())
        got = client.answer()
    assert (got.status, error_of(got)["code"], error_of(got)["param"]) == (400, "control_character", header)


def test_letters_of_other_alphabets_are_no_control_characters(rig: Rig) -> None:
    body = json.dumps(DIRECT)
    said = HEAD + f"x-fairtrial-unit: Адам à ☃\r\nx-fairtrial-tags: team=α\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    assert answer_to(rig, said).status == 200
