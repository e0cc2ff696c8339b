"""One key, whatever its upstream answers, changes nothing of another key's traffic.

`test_breaker_callers.py` and `test_rests.py` of the unit tests show the same for a minute, by an injected clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Route
from fairtrial.domain.settings import Timeouts
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, key, plan_for
from tests.fixtures.upstream.faults import WELL, Script, error
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

pytestmark = pytest.mark.release("attacks")

BAD, GOOD = "ft-bad", "ft-good"
WAIT = {"retry-after": "120"}
REQUESTS = 60
KINDS: dict[str, Script] = {
    "429": error(429),
    "429 with a wait": error(429, **WAIT),
    "429 with a wait in ms": error(429, **{"retry-after-ms": "90000"}),
    "500": error(500),
    "500 with a wait": error(500, **WAIT),
    "502": error(502),
    "503": error(503),
    "503 with a wait": error(503, **WAIT),
    "529": error(529),
    "reset": {"kind": "reset"},
    "silence": {"kind": "stall"},
    "an error inside a 200": {"kind": "json", "whole": {"error": {"message": "overloaded", "code": 502}}},
}


@pytest.fixture(name="spare")
def spare_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


def ask(rig: Rig, secret: str, model: str, user: str) -> httpx.Response:
    sent = {"model": model, "user": user, "messages": [{"role": "user", "content": f"I am {user}"}]}
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.post(f"{rig.url}/chat/completions", json=sent, headers=headers, timeout=PATIENCE, verify=False)


@pytest.mark.parametrize("model", ["alone", "rescued"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_one_key_changes_nothing_of_another_s_traffic(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, kind: Script, model: str
) -> None:
    limits = Timeouts(connect=2.0, first_byte=0.5, idle=1.0, total=10.0)
    deployments = {"first": deployment("first", upstream.url, timeouts=limits), "spare": deployment("spare", spare.url)}
    routes = {
        "alone": Route("alone", deployment="first"),
        "rescued": Route("rescued", deployment="first", fallback="spare"),
    }
    plan = plan_for(upstream.url, deployments=deployments, routes=routes, experiments={})
    rig.publish(plan, *(key(secret, "complete", "see_variant") for secret in (BAD, GOOD)))

    def script(asked: dict[str, Any]) -> Script:
        return kind if asked["user"].startswith("bad") else WELL

    upstream.script = script
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda number: ask(rig, BAD, model, f"bad-{number}"), range(REQUESTS)))
    before = ask(rig, GOOD, model, "good")
    with ThreadPoolExecutor(10) as threads:
        bad = threads.map(lambda number: ask(rig, BAD, model, f"bad-{number}"), range(REQUESTS))
        answers = [before, *(ask(rig, GOOD, model, f"good-{number}") for number in range(10))]
        list(bad)
    served = [(answer.status_code, answer.headers["x-fairtrial-served"]) for answer in answers]
    assert served == [(200, "first")] * 11
    names = {answer.headers["x-request-id"] for answer in answers}
    until(lambda: names <= {one["request_id"] for one in rig.events("request")})
    met = [one["breaker"] for one in rig.events("request") if one["request_id"] in names]
    calls = [one["purpose"] for one in rig.events("attempt") if one["request_id"] in names]
    assert (met, calls) == (["closed"] * 11, ["live"] * 11)
