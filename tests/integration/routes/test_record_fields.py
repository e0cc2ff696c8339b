"""One line of the journal holds all that is known of a request; what is not known is left out, and never 0."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.domain.money.tokens import Tokens
from fairtrial.journal.segment import SEGMENT_VERSION, names, read_header
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig
from tests.fixtures.gateway.module_gateway import post
from tests.fixtures.gateway.scripted_answers import answer, recorded, stream
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "one", "schema": SCHEMA}}
ENDLESS = {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def ask(
    rig: Rig, *, body: dict[str, Any] | None = None, script: dict[str, Any] | None = None, **headers: str
) -> RequestEvent:
    """Send one chat of user u-1; returns its event."""
    fields = {"model": "bot", "user": "u-1", "messages": [{"role": "user", "content": "hello"}], **(body or {})}
    response = post(rig, fields | ({"fake": script} if script else {}), **headers)
    return recorded(rig, response.headers["x-request-id"])


def named(schema: dict[str, Any]) -> dict[str, Any]:
    """The format that asks for this schema."""
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


def test_a_trace_of_a_later_version_may_have_more_fields(rig: Rig) -> None:
    assert ask(rig, traceparent=f"01-{TRACE}-{SPAN}-01-more").trace_id == TRACE


def test_other_instructions_are_another_prompt(rig: Rig) -> None:
    said = {"model": "bot", "input": "hello", "user": "u-1"}
    ids = [
        post(rig, said | {"instructions": words}, "/responses").headers["x-request-id"]
        for words in ("Be kind.", "Be brief.")
    ]
    assert len({recorded(rig, one).prompt_digest for one in ids}) == 2


def test_a_request_is_one_line_of_a_segment_of_version_2(rig: Rig) -> None:
    event = ask(rig)
    (path, *_) = names(rig.layout.journal)
    assert read_header(path.read_bytes().partition(b"\n")[0], name=path.name).v == SEGMENT_VERSION == 2
    assert (event.v, event.outcome, event.arm_outcome, event.experiment) == (2, "ok", "answered", EXPERIMENT)
    assert event.exposure is not None
    assert (event.exposure.enrolled, event.exposure.state, event.exposure.unit) == (True, "running", event.unit)
    (attempt,) = event.attempts
    assert (attempt.outcome, attempt.fault, attempt.deployment) == ("answered", None, event.variant_served)
    assert attempt.tokens is not None
    assert attempt.cost_usd is not None
    assert event.breaker == "closed"


def test_what_is_unknown_is_left_out_of_the_line(rig: Rig) -> None:
    event = ask(rig, script={"kind": "json", "answer": {"usage": None}})
    (line,) = [
        line
        for path in names(rig.layout.journal)
        for line in path.read_bytes().splitlines()
        if event.request_id.encode() in line
    ]
    attempt = json.loads(line)["attempts"][0]
    assert not {"tokens", "cost_usd", "provider_request_id", "fault"} & attempt.keys()
    assert not {"trace_id", "schema_valid", "response_format"} & json.loads(line).keys()


def test_tokens_of_caches_and_of_reasoning_are_recorded(rig: Rig) -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 1},
    }
    event = ask(rig, script={"kind": "json", "answer": {"usage": usage}})
    assert event.attempts[0].tokens == Tokens(input=9, output=4, cached=5, reasoning=3, audio_out=1)


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_prompt_has_the_same_digest_whatever_else_is_asked(rig: Rig, stream: bool) -> None:
    one, again = ask(rig), ask(rig, body={"user": "u-2", "temperature": 0.5, "stream": stream})
    other = ask(rig, body={"messages": [{"role": "user", "content": "hello!"}]})
    assert one.prompt_digest == again.prompt_digest
    assert one.prompt_digest not in (None, other.prompt_digest)
    assert len(one.prompt_digest or "") == 32


@pytest.mark.parametrize(
    ("text", "by_text"), [("I'm sorry, but I can't help with that.", True), ("Of course.", False), (None, False)]
)
def test_a_refusal_is_recognised_by_its_text(rig: Rig, text: str | None, by_text: bool) -> None:
    event = ask(rig, script=answer(text))
    assert (event.refused_by_text, event.refused) == (by_text, False)


def test_a_refusal_is_recognised_by_the_text_of_a_stream(rig: Rig) -> None:
    event = ask(rig, body={"stream": True}, script=stream("I can", "not help", " with that."))
    assert (event.refused_by_text, event.stream) == (True, True)


def test_a_refusal_is_recognised_by_the_field_of_the_api(rig: Rig) -> None:
    event = ask(rig, script=answer(None, message={"role": "assistant", "content": None, "refusal": "No."}))
    assert (event.refused, event.refused_by_text) == (True, False)


@pytest.mark.parametrize(
    ("form", "text", "valid"),
    [
        (FORMAT, '{"n": 3}', True),
        (FORMAT, '{"n": "3"}', False),
        (FORMAT, "no JSON", False),
        (FORMAT, '{"n": 3', False),
        ({"type": "json_object"}, '{"a": 1}', True),
        ({"type": "json_object"}, "[1]", False),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": ENDLESS}}, "{}", None),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}}, "{}", None),
        (named({"$schema": []}), "{}", None),
        (named({"$defs": {"a": {"$id": "a"}}, "$ref": "#/nope"}), "{}", None),
        (named({"$ref": 5}), "{}", None),
        (named({"properties": {"p": {"multipleOf": 0.01}}}), '{"p": 1%s}' % ("0" * 400), None),
        (named({"properties": {f"p{n}": {"pattern": f"^{n}"} for n in range(60)}}), "{}", None),
        (FORMAT, "", None),
    ],
)
def test_output_is_checked_against_the_schema_that_was_asked_for(
    rig: Rig, form: dict[str, Any], text: str, valid: bool | None
) -> None:
    event = ask(rig, body={"response_format": form}, script=answer(text))
    assert (event.schema_requested, event.schema_valid) == (True, valid)


def test_streamed_output_is_checked_too(rig: Rig) -> None:
    event = ask(rig, body={"response_format": FORMAT, "stream": True}, script=stream('{"n"', ": ", "3}"))
    assert (event.schema_requested, event.schema_valid) == (True, True)


@pytest.mark.parametrize("form", [None, {"type": "text"}])
def test_without_a_schema_none_was_asked_for(rig: Rig, form: dict[str, Any] | None) -> None:
    event = ask(rig, body={"response_format": form} if form else {})
    assert (event.schema_requested, event.schema_valid) == (False, None)


def test_the_ids_of_the_provider_and_of_the_trace_are_recorded(rig: Rig) -> None:
    script = {"kind": "json", "headers": {"x-request-id": "req-77"}}
    event = ask(rig, script=script, traceparent=f"00-{TRACE}-{SPAN}-01")
    assert (event.attempts[0].provider_request_id, event.trace_id, event.span_id) == ("req-77", TRACE, SPAN)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "00-xyz-1-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01more",
    ],
)
def test_a_trace_that_is_not_valid_is_not_recorded(rig: Rig, line: str) -> None:
    assert ask(rig, traceparent=line).trace_id is None


@pytest.mark.parametrize(
    ("script", "outcome", "fault"),
    [
        ({"kind": "json", "status": 500, "whole": {"error": {"message": "no"}}}, "failed", "upstream"),
        ({"kind": "json", "status": 429, "whole": {"error": {"message": "no"}}}, "failed", "upstream"),
        ({"kind": "json", "status": 401, "whole": {"error": {"message": "no"}}}, "failed", "configuration"),
        ({"kind": "json", "status": 404, "whole": {"error": {"message": "no"}}}, "failed", "configuration"),
        ({"kind": "json", "status": 400, "whole": {"error": {"message": "no"}}}, "rejected", "caller"),
        ({"kind": "reset"}, "failed", "upstream"),
    ],
)
def test_an_attempt_says_how_it_ended_and_whose_fault_it_was(
    rig: Rig, script: dict[str, Any], outcome: str, fault: str
) -> None:
    attempt = ask(rig, script=script).attempts[-1]
    assert (attempt.outcome, attempt.fault) == (outcome, fault)


def test_the_latency_of_a_caller_that_left_is_a_lower_bound(rig: Rig, upstream: FakeUpstream) -> None:
    body = {"model": "bot", "messages": [{"role": "user", "content": "hi"}], "user": "u-1", "fake": {"kind": "stall"}}
    before = len(rig.events("request"))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{rig.url}/chat/completions", json=body, timeout=0.3, headers={"authorization": "Bearer ft-all"})
    until(lambda: len(rig.events("request")) > before)
    event = recorded(rig, rig.events("request")[-1]["request_id"])
    assert (event.outcome, event.latency_censored, event.ttft_ms) == ("cancelled", True, None)
    assert (event.attempts[-1].outcome, event.attempts[-1].fault) == ("cancelled", "caller")
    assert event.latency_ms is not None
    assert time.time_ns() // 1000 > event.at_us


def test_the_latency_of_a_whole_answer_is_not_censored(rig: Rig) -> None:
    assert not ask(rig).latency_censored
