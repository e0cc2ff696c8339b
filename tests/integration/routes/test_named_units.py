"""Whom a request names is recorded as a pseudonym whatever its route, so that an erasure finds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from fairtrial.experiments.units import pseudonym
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


def test_blanks_around_a_unit_are_none_of_it_in_feedback_too(rig: Rig) -> None:
    said = {"unit": " ann ", "key": "resolved", "value": True}
    assert httpx.post(f"{rig.url}/feedback", json=said).status_code == 202
    assert rig.events("feedback")[-1]["unit"] == ANN
    assert httpx.post(f"{rig.url}/feedback", json=said | {"unit": "  "}).status_code == 422
