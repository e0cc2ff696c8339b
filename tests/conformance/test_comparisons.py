"""The comparisons that decide on conformance find a difference when there is one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.proxy.upstream import request_rewrite
from gateway.proxy.wire.http import NOT_RETURNED
from tests.conformance.cases.case import MODEL
from tests.conformance.harness import allowed
from tests.conformance.harness.differential import Wired, comparable, same_answer, same_request
from tests.fixtures.upstream.seen import Seen

STRAIGHT = Wired(200, {"content-type": ["application/json"], "x-ratelimit-limit-requests": ["60"]}, b'{"a": 1.0}')
THROUGH = replace(STRAIGHT, headers={**STRAIGHT.headers, "x-request-id": ["ours"], "date": ["now"]})
ASKED = {"model": MODEL, "temperature": 0, "stop": None, "messages": [{"role": "user", "content": "Hi"}]}


def seen(fields: dict[str, Any], *headers: tuple[str, str], path: str = "/v1/chat/completions") -> Seen:
    return Seen("POST", path, [("Accept", "application/json"), *headers], json.dumps(fields).encode())


def sent(**changes: Any) -> dict[str, Any]:
    return {**ASKED, "model": "base-model", **changes}


def test_what_is_the_same_is_no_difference() -> None:
    same_answer(STRAIGHT, THROUGH)
    same_request(seen(ASKED, ("authorization", "ours")), seen(sent(), ("authorization", "theirs")))


@pytest.mark.parametrize(
    "changed",
    [
        replace(THROUGH, status=201),
        replace(THROUGH, body=b'{"a": 1}'),
        replace(THROUGH, body=b'{"a":1.0}'),
        replace(THROUGH, headers={**THROUGH.headers, "x-new": ["1"]}),
        replace(THROUGH, headers={**THROUGH.headers, "cache-control": ["no-cache"]}),
        replace(THROUGH, headers={**THROUGH.headers, "x-accel-buffering": ["no"]}),
        replace(THROUGH, headers={**THROUGH.headers, "x-ratelimit-limit-requests": ["61"]}),
        replace(THROUGH, headers={name: v for name, v in THROUGH.headers.items() if "limit" not in name}),
        replace(THROUGH, headers={**THROUGH.headers, "x-request-id": ["one", "two"]}),
        replace(THROUGH, headers={**THROUGH.headers, "x-request-id": ["req_upstream"]}),
    ],
)
def test_an_answer_that_was_changed_is_found(changed: Wired) -> None:
    with pytest.raises(AssertionError):
        same_answer(STRAIGHT, changed)


@pytest.mark.parametrize(
    "changed",
    [
        seen(sent(temperature=0.0)),
        seen(sent(temperature=False)),
        seen({name: value for name, value in sent().items() if name != "stop"}),
        seen(sent(extra=1)),
        seen(sent(messages=[])),
        seen(ASKED),
        seen(sent(), ("x-stainless-lang", "python")),
        seen(sent(), path="/v1/completions"),
    ],
)
def test_a_request_that_was_changed_is_found(changed: Seen) -> None:
    with pytest.raises(AssertionError):
        same_request(seen(ASKED), changed)


def test_a_stream_may_forbid_that_it_is_held_back() -> None:
    typed = {"content-type": ["text/event-stream"]}
    straight = replace(STRAIGHT, headers={**STRAIGHT.headers, **typed})
    same_answer(straight, replace(THROUGH, headers={**THROUGH.headers, **typed, "cache-control": ["no-cache"]}))


STREAM = {**ASKED, "stream": True}


@pytest.mark.parametrize(
    ("asked", "up"),
    [
        ({}, {"include_usage": True}),
        ({"stream_options": None}, {"include_usage": True}),
        ({"stream_options": {"include_obfuscation": False}}, {"include_obfuscation": False, "include_usage": True}),
    ],
)
def test_a_metered_stream_may_differ_in_the_usage_that_it_asks_for(asked: dict[str, Any], up: dict[str, Any]) -> None:
    same_request(seen({**STREAM, **asked}), seen(sent(stream=True, stream_options=up)))


@pytest.mark.parametrize(
    ("path", "up"),
    [
        ("/v1/chat/completions", {"include_usage": True}),
        ("/v1/chat/completions", {"include_obfuscation": True, "include_usage": True}),
        ("/v1/responses", {"include_obfuscation": False, "include_usage": True}),
    ],
)
def test_a_streams_options_that_were_changed_are_found(path: str, up: dict[str, Any]) -> None:
    asked = {**STREAM, "stream_options": {"include_obfuscation": False}}
    with pytest.raises(AssertionError):
        same_request(seen(asked, path=path), seen(sent(stream=True, stream_options=up), path=path))


def test_no_comparison_leaves_out_a_header_that_the_list_does_not_name() -> None:
    kept_here = request_rewrite.NOT_FORWARDED | {"x-fake-key"}  # the tests' own
    assert kept_here >= allowed.REQUEST_HEADERS - allowed.CONNECTION
    assert set(allowed.REQUEST_PREFIXES) <= set(request_rewrite.NOT_FORWARDED_PREFIXES)
    assert allowed.RESPONSE_HEADERS - allowed.CONNECTION <= NOT_RETURNED


@pytest.mark.parametrize(
    ("where", "kept"),
    [("request headers", request_rewrite.NOT_FORWARDED), ("response headers", NOT_RETURNED)],
)
def test_the_list_names_every_header_that_stays_here(where: str, kept: frozenset[str]) -> None:
    told = " ".join(one.what for one in allowed.ALLOWED if one.where == where)
    assert {name for name in kept if f"`{name}" not in told} == set()


def test_of_a_result_only_the_name_of_the_request_may_differ() -> None:
    assert comparable({"request_id": "a", "x": 1}) == comparable({"request_id": "b", "x": 1})
    assert comparable({"request_id": "a", "x": 1}) != comparable({"request_id": None, "x": 1})
    assert comparable({"request_id": "a", "x": 1}) != comparable({"request_id": "a", "x": 1.5})
