"""A server that asks for a pause gets it from the caller whom it asked, and only then from everybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Experiment, Route, Variant
from fairtrial.domain.settings import RetryRule
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, key, plan_for
from tests.fixtures.upstream.faults import WELL, Script, error
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

SECRETS = ("ft-told", "ft-other", "ft-third")
TOLD, OTHER, THIRD = SECRETS
BUSY = error(429, **{"retry-after": "100"})
LONG = b"1" * 4_000
ODD = {"4,000 digits": LONG.decode(), "no number": "nan", "negative": "-5", "a power": "1e2", "infinite": "inf"}
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.fixture(name="spare")
def spare_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="keyed")
def keyed_fixture(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> Rig:
    """A gateway with three keys, a route with a fallback, and an experiment that has one, too."""
    once = RetryRule(attempts=1)
    deployments = {"first": deployment("first", upstream.url, retry=once), "spare": deployment("spare", spare.url)}
    variants = (Variant("a", "first", 50.0), Variant("b", "first", 50.0))
    trial = Experiment(EXPERIMENT, "Which one?", "user", "a", variants, "salt", 100.0)
    routes = {
        "alone": Route("alone", deployment="first"),
        "rescued": Route("rescued", deployment="first", fallback="spare"),
        "arm": Route("arm", experiment=EXPERIMENT, fallback="spare"),
    }
    plan = plan_for(upstream.url, deployments=deployments, routes=routes, experiments={EXPERIMENT: trial})
    rig.publish(plan, *(key(secret, "complete", "see_variant") for secret in SECRETS))
    return rig


def ask(
    rig: Rig, secret: str, fake: Script | None = None, *, user: str = "u", model: str = "rescued"
) -> httpx.Response:
    sent: dict[str, Any] = {"model": model, "user": user, "messages": [{"role": "user", "content": "hi"}]}
    return httpx.post(
        f"{rig.url}/chat/completions",
        json=sent | ({"fake": fake} if fake else {}),
        headers={"authorization": f"Bearer {secret}"},
        timeout=PATIENCE,
        verify=False,
    )


def told(rig: Rig, upstream: FakeUpstream, script: Script, secret: str = TOLD, **more: Any) -> httpx.Response:
    """A request that only the first server answers so; the fallback is well."""
    upstream.script = script
    answer = ask(rig, secret, **more)
    upstream.script = WELL
    return answer


def served(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    return answer.headers["x-fairtrial-served"]


@pytest.mark.parametrize("users", [1, 24], ids=["one user", "24 invented users"])
def test_a_wait_binds_the_key_that_was_told(keyed: Rig, upstream: FakeUpstream, users: int) -> None:
    for number in range(users):
        assert served(told(keyed, upstream, BUSY, user=f"invented-{number}")) == "spare"
    assert served(ask(keyed, TOLD)) == "spare"
    assert [served(ask(keyed, OTHER, user=f"u{number}")) for number in range(5)] == ["first"] * 5


def test_two_keys_with_two_units_bind_everybody(keyed: Rig, upstream: FakeUpstream) -> None:
    told(keyed, upstream, BUSY, TOLD, user="one")
    told(keyed, upstream, BUSY, OTHER, user="one")
    assert served(ask(keyed, THIRD)) == "first", "one unit behind two keys"
    told(keyed, upstream, BUSY, THIRD, user="two")
    assert [served(ask(keyed, secret)) for secret in SECRETS] == ["spare"] * 3
    assert ask(keyed, THIRD, model="alone").status_code == 200, "where nothing else can answer, it is called"


@pytest.mark.parametrize("status", [500, 502, 504, 529])
def test_only_429_and_503_ask_for_a_pause(keyed: Rig, upstream: FakeUpstream, status: int) -> None:
    assert served(told(keyed, upstream, error(status, **{"retry-after": "100"}))) == "spare"
    assert served(ask(keyed, TOLD)) == "first"
    told(keyed, upstream, error(503, **{"retry-after": "100"}))
    assert served(ask(keyed, TOLD)) == "spare"


@pytest.mark.parametrize("wait", [*ODD.values(), "121", DATE], ids=[*ODD, "beyond two minutes", "a date"])
def test_a_wait_that_is_no_short_number_is_not_kept_to(keyed: Rig, upstream: FakeUpstream, wait: str) -> None:
    told(keyed, upstream, error(429, **{"retry-after": wait}))
    assert served(ask(keyed, TOLD)) == "first"


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_odd_waits_are_not_passed_on_and_others_are(keyed: Rig, name: str) -> None:
    passed = [
        ask(keyed, TOLD, error(429, **{name: wait}), model="alone").headers.get(name)
        for wait in (*ODD.values(), "7", "0.5", "86400")
    ]
    assert passed == [None] * len(ODD) + ["7", "0.5", "86400"]
    assert ask(keyed, TOLD, error(429, **{"retry-after": DATE}), model="alone").headers["retry-after"] == DATE


def test_what_a_rest_keeps_away_meets_no_open_breaker(keyed: Rig, upstream: FakeUpstream) -> None:
    told(keyed, upstream, BUSY, model="arm")
    kept = ask(keyed, TOLD, model="arm").headers["x-request-id"]
    until(lambda: any(one["request_id"] == kept for one in keyed.events("request")))
    (event,) = [one for one in keyed.events("request") if one["request_id"] == kept]
    assert (event["arm_outcome"], event["user_outcome"], event["breaker"]) == ("kept_away", "answered", "closed")
