"""Whom a request names is recorded as a pseudonym whatever its route, so that an erasure finds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from fairtrial.experiments.assignment import assign
from fairtrial.experiments.unit import pseudonym
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, key, plan_for
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.upstream.server import FakeUpstream

ANN = pseudonym("pepper", "ann")
CHAT = pseudonym("pepper", "chat-7")
NAMED: list[tuple[dict[str, Any], dict[str, str], str | None]] = [
    ({}, {"x-fairtrial-unit": "ann"}, ANN),
    ({"user": " ann "}, {}, ANN),
    ({"metadata": {"user_id": "ann"}}, {}, ANN),
    ({"metadata": {"conversation_id": "chat-7"}}, {}, CHAT),
    ({"user": "ann", "metadata": {"conversation_id": "chat-7"}}, {}, ANN),
    ({}, {}, None),
]


@pytest.mark.parametrize(("body", "headers", "unit"), NAMED)
def test_a_request_outside_of_experiments_is_recorded_with_whom_it_names(
    rig: Rig, body: dict[str, Any], headers: dict[str, str], unit: str | None
) -> None:
    assert post(rig, DIRECT | body, **headers).status_code == 200
    assert rig.events("request")[-1]["unit"] == unit


def test_requests_that_fail_or_are_pinned_are_recorded_with_whom_they_name(rig: Rig, upstream: FakeUpstream) -> None:
    named = {"x-fairtrial-unit": "ann"}
    assert post(rig, DIRECT | {"model": "nowhere"}, **named).status_code == 404
    assert httpx.post(f"{rig.url}/chat/completions", content=b"{no json", headers=named).status_code == 400
    deep = b'{"model":"base-direct","messages":[],"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    httpx.post(f"{rig.url}/chat/completions", content=deep, headers=named)
    rig.publish(plan_for(upstream.url), key("ft-pin", "complete", "pin"))
    post(rig, BOT, authorization="Bearer ft-pin", **named, **{"x-fairtrial-variant": "tuned"})
    assert [event["unit"] for event in rig.events("request")] == [ANN] * 4
    assert rig.events("request")[-1]["reason"] == "forced"


def test_the_user_is_recorded_where_a_conversation_or_a_request_is_the_unit(rig: Rig, upstream: FakeUpstream) -> None:
    trial = plan_for(upstream.url).experiments[EXPERIMENT]
    rig.publish(plan_for(upstream.url, experiments={EXPERIMENT: replace(trial, unit="conversation")}))
    post(rig, BOT | {"user": "ann"}, **{"x-fairtrial-unit": "chat-7"})
    post(rig, BOT, **{"x-fairtrial-unit": "chat-7"})
    rig.publish(plan_for(upstream.url, experiments={EXPERIMENT: replace(trial, unit="request")}))
    post(rig, BOT, **{"x-fairtrial-unit": "ann"})
    requests, exposures = rig.events("request"), rig.events("exposure")
    assert [event["unit"] for event in requests] == [ANN, CHAT, ANN]
    assert [event["unit"] for event in exposures] == [CHAT, CHAT, pseudonym("pepper", exposures[2]["request_id"])]


LONGEST = "é" * 512
BY_BODY: list[dict[str, Any]] = [
    {"user": LONGEST},
    {"safety_identifier": LONGEST},
    {"metadata": {"user_id": LONGEST}},
    {"metadata": {"conversation_id": LONGEST}},
    {"conversation": LONGEST},
    {"conversation": {"id": LONGEST}},
]


def longer(named: Any) -> Any:
    """The same with one more character in the unit."""
    return {name: longer(value) for name, value in named.items()} if isinstance(named, dict) else f"{named}x"


def test_a_unit_that_is_served_can_be_rated_and_a_longer_one_gets_the_same_refusal(rig: Rig) -> None:
    said = {"key": "resolved", "value": True}
    wrong = {"type": "invalid_request_error", "code": "unit_too_long"}
    for model in (DIRECT, BOT):
        for named in BY_BODY:
            assert post(rig, model | named).status_code == 200, named
            answer = post(rig, model | longer(named))
            error = answer.json()["error"]
            assert (answer.status_code, error) == (400, error | wrong), named
            assert error["message"] == f"{error['param']}: a unit has at most 512 characters"
            assert error["param"].partition(".")[0] in named
        header = {"x-fairtrial-unit": "e" * 512}
        assert post(rig, model, **header).status_code == 200
        answer = post(rig, model, **longer(header))
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "x-fairtrial-unit")
    assert httpx.post(f"{rig.url}/feedback", json=said | {"unit": f" {LONGEST} "}).status_code == 202
    for sent in (said | {"unit": f"{LONGEST}x"}, [said | {"unit": "ann"}, said | {"unit": f"{LONGEST}x"}]):
        answer = httpx.post(f"{rig.url}/feedback", json=sent)
        message = {"message": "unit: a unit has at most 512 characters", "param": "unit"}
        assert (answer.status_code, answer.json()["error"]) == (400, wrong | message)


def test_other_long_fields_are_passed_on_whatever_they_are(rig: Rig) -> None:
    odd = b"[" + b"[]," * 6_000 + b"[]]"
    content = b'{"model":"base-direct","messages":[],"user":"ann","metadata":%b}' % odd
    headers = {"content-type": "application/json"}
    assert httpx.post(f"{rig.url}/chat/completions", content=content, headers=headers).status_code == 200
    assert post(rig, DIRECT | {"metadata": {"note": "x" * 10_000}}).status_code == 200


def test_blanks_around_a_unit_are_none_of_it_in_feedback_too(rig: Rig) -> None:
    said = {"unit": " ann ", "key": "resolved", "value": True}
    assert httpx.post(f"{rig.url}/feedback", json=said).status_code == 202
    assert rig.events("feedback")[-1]["unit"] == ANN
    assert httpx.post(f"{rig.url}/feedback", json=said | {"unit": "  "}).status_code == 422


WEB_USER, MAIL = "x-openwebui-user-id", "x-openwebui-user-email"
FURTHER: list[tuple[dict[str, Any], dict[str, str], str | None]] = [
    ({}, {WEB_USER: "ann"}, ANN),
    ({}, {WEB_USER: "", MAIL: "ann"}, ANN),
    ({}, {MAIL: "bob", WEB_USER: "ann"}, ANN),
    ({"user": "ann"}, {WEB_USER: "bob"}, ANN),
    ({"user": ""}, {WEB_USER: "ann"}, ANN),
    ({}, {"x-fairtrial-unit": "ann", WEB_USER: "bob"}, ANN),
    ({"metadata": {"conversation_id": "chat-7"}}, {WEB_USER: "ann"}, ANN),
    ({}, {"x-openwebui-user-name": "ann"}, None),
]


def test_further_headers_name_the_user_last_and_no_model_gets_them(rig: Rig, upstream: FakeUpstream) -> None:
    plan = plan_for(upstream.url)
    rig.publish(plan, unit_headers=(WEB_USER, MAIL))
    for body, headers, unit in FURTHER:
        post(rig, DIRECT | body, **headers)
        post(rig, BOT | body, **headers)
        assert [event["unit"] for event in rig.events("request")[-2:]] == [unit, unit], (body, headers)
        assert not {name.lower() for name, _ in upstream.seen[-1].headers} & {WEB_USER, MAIL}
    users = {arm: next(f"u{n}" for n in range(99) if assign(plan.experiments[EXPERIMENT], f"u{n}").assigned == arm)
             for arm in ("base", "tuned")}  # fmt: skip
    for user in ({}, {"user": ""}, {"user": None}):
        for arm, name in users.items():
            post(rig, BOT | user, **{WEB_USER: name})
            assert rig.events("request")[-1]["variant_served"] == arm, (user, arm)
    for value in ("a" * 513, "a\tb"):
        assert post(rig, DIRECT, **{WEB_USER: value}).status_code == 400
    trial = replace(plan.experiments[EXPERIMENT], unit="conversation")
    rig.publish(plan_for(upstream.url, experiments={EXPERIMENT: trial}), unit_headers=(WEB_USER,))
    post(rig, BOT, **{WEB_USER: "ann", "x-fairtrial-unit": "chat-7"})
    assert (rig.events("request")[-1]["unit"], rig.events("exposure")[-1]["unit"]) == (ANN, CHAT)
