"""An answer says why its request was or was not in the experiment, to a key that may see variants and to no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Plan, Route
from fairtrial.experiments.assignment import assign
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, key, plan_for
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.upstream.server import FakeUpstream

SEES, BLIND = "ft-sees", "ft-blind"
KEYS = (key(SEES, "complete", "pin", "see_variant"), key(BLIND, "complete", "pin"))
NAMES = ("x-fairtrial-experiment", "x-fairtrial-variant", "x-fairtrial-reason")
PIN = {"x-fairtrial-variant": "tuned"}
Sent = tuple[dict[str, Any], dict[str, str]]
Shown = tuple[str | None, str | None, str | None]

WHOLE_AND_STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(name="dead")
def dead_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        fake.script = {"kind": "bytes", "status": 500, "body": "x"}
        yield fake


def unit_of(plan: Plan, variant: str) -> str:
    """A user that the plan's experiment assigns to the variant."""
    trial = plan.experiments[EXPERIMENT]
    return next(name for name in (f"u{n}" for n in range(100)) if assign(trial, name).assigned == variant)


def ask(rig: Rig, sent: Sent, *, stream: bool, secret: str = SEES) -> httpx.Response:
    body, headers = sent
    return post(rig, body | {"stream": stream}, authorization=f"Bearer {secret}", **headers)


def shown(rig: Rig, sent: Sent, *, stream: bool) -> Shown:
    """The three headers for a key that sees them, which are the recorded ones; the other key gets none of them."""
    answer, blind = ask(rig, sent, stream=stream), ask(rig, sent, stream=stream, secret=BLIND)
    assert answer.status_code == blind.status_code
    assert not [name for name in NAMES if name in blind.headers]
    recorded = {event["request_id"]: event["reason"] for event in rig.await_events("request", 2)}
    assert answer.headers["x-fairtrial-reason"] == recorded[answer.headers["x-request-id"]]
    experiment, variant, reason = (answer.headers.get(name) for name in NAMES)
    return experiment, variant, reason


@WHOLE_AND_STREAMED
@pytest.mark.parametrize(
    ("trial", "sent", "expected"),
    [
        ({}, (BOT | {"user": "tuned"}, {}), (EXPERIMENT, "tuned", "assigned")),
        ({"state": "killed"}, (BOT | {"user": "tuned"}, {}), (EXPERIMENT, "base", "kill")),
        ({}, (BOT, PIN), (EXPERIMENT, "tuned", "forced")),
        ({"stage": 0.0}, (BOT | {"user": "tuned"}, {}), (EXPERIMENT, None, "not_enrolled")),
        ({}, (BOT, {}), (EXPERIMENT, None, "no_unit")),
        ({"state": "paused"}, (BOT | {"user": "tuned"}, {}), (EXPERIMENT, None, "excluded")),
        ({"state": "ended"}, (BOT | {"user": "tuned"}, {}), (EXPERIMENT, None, "excluded")),
        ({"state": "ended", "serves": "tuned"}, (BOT | {"user": "tuned"}, {}), (EXPERIMENT, None, "promoted")),
        ({"state": "ended", "serves": "tuned"}, (BOT, {}), (EXPERIMENT, None, "promoted")),
        ({}, (DIRECT, {}), (None, None, "direct")),
        ({}, (BOT, {"x-fairtrial-deployment": "tuned"}), (None, None, "forced")),
    ],
)  # fmt: skip
def test_an_answer_says_why_its_request_was_or_was_not_in_the_experiment(
    rig: Rig, upstream: FakeUpstream, *, trial: dict[str, Any], sent: Sent, expected: Shown, stream: bool
) -> None:
    plan = plan_for(upstream.url, experiment=trial)
    body, headers = sent
    if "user" in body:
        body = body | {"user": unit_of(plan_for(upstream.url), "tuned")}
    rig.publish(plan, *KEYS)
    assert shown(rig, (body, headers), stream=stream) == expected


@WHOLE_AND_STREAMED
def test_a_fallback_is_named_with_the_variant_that_answered(
    rig: Rig, upstream: FakeUpstream, dead: FakeUpstream, *, stream: bool
) -> None:
    plan = plan_for(upstream.url)
    both = {**plan.deployments, "tuned": deployment("tuned", dead.url)}
    routes = {**plan.routes, "bot": Route("bot", experiment=EXPERIMENT, fallback="base")}
    rig.publish(plan_for(upstream.url, deployments=both, routes=routes), *KEYS)
    sent: Sent = BOT | {"user": unit_of(plan, "tuned")}, {}
    assert shown(rig, sent, stream=stream) == (EXPERIMENT, "base", "fallback")


@WHOLE_AND_STREAMED
def test_a_fallback_of_a_request_outside_the_experiment_names_no_variant(
    rig: Rig, upstream: FakeUpstream, dead: FakeUpstream, *, stream: bool
) -> None:
    plan = plan_for(upstream.url)
    both = {**plan.deployments, "base": deployment("base", dead.url)}
    routes = {**plan.routes, "bot": Route("bot", experiment=EXPERIMENT, fallback="tuned")}
    rig.publish(plan_for(upstream.url, deployments=both, routes=routes), *KEYS)
    assert shown(rig, (BOT, {}), stream=stream) == (EXPERIMENT, None, "fallback")


@WHOLE_AND_STREAMED
def test_errors_say_it_too(rig: Rig, upstream: FakeUpstream, *, stream: bool) -> None:
    plan = plan_for(upstream.url)
    rig.publish(plan, *KEYS)
    failing = BOT | {"user": unit_of(plan, "tuned"), "fake": {"kind": "reset"}}
    assert ask(rig, (failing, {}), stream=stream).status_code == 502
    assert shown(rig, (failing, {}), stream=stream) == (EXPERIMENT, "tuned", "assigned")
    unknown: Sent = DIRECT | {"model": "nowhere"}, {}
    assert ask(rig, unknown, stream=stream).status_code == 404
    assert shown(rig, unknown, stream=stream) == (None, None, "excluded")


def test_an_upstream_cannot_set_it(rig: Rig, upstream: FakeUpstream) -> None:
    rig.publish(plan_for(upstream.url), *KEYS)
    told = {"kind": "json", "headers": {"x-fairtrial-reason": "assigned", "x-fairtrial-variant": "tuned"}}
    assert shown(rig, (DIRECT | {"fake": told}, {}), stream=False) == (None, None, "direct")


def test_a_continued_response_says_so(rig: Rig, upstream: FakeUpstream) -> None:
    plan = plan_for(upstream.url)
    rig.publish(plan, *KEYS)
    sees = {"authorization": f"Bearer {SEES}"}
    first = {"model": "bot", "input": "q", "user": unit_of(plan, "tuned")}
    made = post(rig, first, "/responses", **sees)
    assert made.headers["x-fairtrial-reason"] == "assigned"
    later = first | {"user": unit_of(plan, "base"), "previous_response_id": made.json()["id"]}
    answer = post(rig, later, "/responses", **sees)
    assert [answer.headers.get(name) for name in NAMES] == [EXPERIMENT, "tuned", "continued"]
    stopped = replace(plan.experiments[EXPERIMENT], stage=0.0)
    rig.publish(plan_for(upstream.url, experiments={EXPERIMENT: stopped}), *KEYS)
    outside = post(rig, later, "/responses", **sees)
    assert [outside.headers.get(name) for name in NAMES] == [EXPERIMENT, None, "continued"]
