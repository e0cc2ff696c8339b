"""Answers of a deployment that ends say when, whole, streamed and failed, and reveal no variant."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Ending
from fairtrial.experiments.assignment import assign
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, key, plan_for
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.upstream.server import FakeUpstream

SEES, BLIND = "ft-sees", "ft-blind"
KEYS = (key(SEES, "complete", "pin", "see_variant"), key(BLIND, "complete", "pin"))
NAMES = ("deprecation", "sunset", "x-fairtrial-successor")
BASE = ("@1791936000", "Tue, 12 Jan 2027 23:59:59 GMT", "tuned")
TUNED = ("@1798761600", "Thu, 01 Apr 2027 23:59:59 GMT", None)
NONE = (None, None, None)
ENDINGS = {"base": Ending("2027-01-12", "tuned"), "tuned": Ending("2027-04-01")}
UPSTREAM = {"headers": {"deprecation": "@1", "sunset": "Thu, 01 Jan 1970 00:00:01 GMT", "link": '</x>; rel="sunset"'}}
KINDS: dict[str, dict[str, Any]] = {
    "whole": {"fake": {"kind": "json", **UPSTREAM}},
    "streamed": {"stream": True, "fake": {"kind": "stream", **UPSTREAM}},
    "refused": {"fake": {"kind": "json", "status": 400, "whole": {"error": {"message": "No."}}, **UPSTREAM}},
    "broken": {"fake": {"kind": "reset"}},
}


def shown(answer: httpx.Response) -> tuple[str | None, ...]:
    assert all(len(answer.headers.get_list(name)) < 2 for name in NAMES)
    return tuple(answer.headers.get(name) for name in NAMES)


@pytest.mark.parametrize("kind", KINDS)
def test_each_answer_of_a_deployment_that_ends_says_when(rig: Rig, upstream: FakeUpstream, kind: str) -> None:
    rig.publish(plan_for(upstream.url), *KEYS, endings={"base": ENDINGS["base"]})
    asked = {"authorization": f"Bearer {BLIND}"}
    answer = post(rig, DIRECT | KINDS[kind], **asked)
    assert (answer.status_code, shown(answer)) == ({"refused": 400, "broken": 502}.get(kind, 200), BASE)
    assert ("link" in answer.headers) == (kind != "broken")
    other = post(rig, DIRECT | KINDS[kind], **asked, **{"x-fairtrial-deployment": "tuned"})
    upstreams_own = kind != "broken"
    assert shown(other)[:2] == (tuple(UPSTREAM["headers"][name] for name in NAMES[:2]) if upstreams_own else NONE[:2])
    responses = post(rig, {"model": DIRECT["model"], "input": "q"} | KINDS[kind], "/responses", **asked)
    assert shown(responses) == BASE


def test_who_may_not_see_the_variant_gets_the_same_headers_from_both(rig: Rig, upstream: FakeUpstream) -> None:
    plan = plan_for(upstream.url)
    rig.publish(plan, *KEYS, endings=ENDINGS)
    trial = plan.experiments[EXPERIMENT]
    users = {arm: next(f"u{n}" for n in range(99) if assign(trial, f"u{n}").assigned == arm) for arm in ENDINGS}
    headers = {
        (secret, arm): shown(post(rig, BOT | {"user": user}, authorization=f"Bearer {secret}"))
        for secret in (SEES, BLIND)
        for arm, user in users.items()
    }
    assert headers == {(SEES, "base"): BASE, (SEES, "tuned"): TUNED, (BLIND, "base"): BASE, (BLIND, "tuned"): BASE}
