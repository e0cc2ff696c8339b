"""A deployment that fails five times in a row is not called again, and one probe at a time finds that it is back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import BreakerRule, Experiment, Route, Timeouts, Variant
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, plan_for
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

LONG = BreakerRule(open_seconds=600.0)
SHORT = BreakerRule(open_seconds=0.05)
LIMITS = Timeouts(connect=2.0, first_byte=1.0, idle=1.0, total=10.0)
CHUNK = 'data: {"id": "a", "choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\n'
STREAMS = {"content-type": "text/event-stream"}
NO_KEY = "${FAIRTRIAL_TEST_UNSET}"

FAILURES: dict[str, dict[str, Any]] = {
    "500": {"kind": "json", "status": 500},
    "503 without JSON": {"kind": "bytes", "status": 503, "body": "down"},
    "a redirect": {"kind": "bytes", "status": 302, "headers": {"location": "/x"}},
    "reset": {"kind": "reset"},
    "not JSON": {"kind": "html", "status": 200},
    "an empty answer": {"kind": "bytes", "body": ""},
    "a broken answer": {"kind": "bytes", "body": "{", "declared": 9, "then": "close"},
}
BROKEN_STREAMS: dict[str, dict[str, Any]] = {
    "500": {"kind": "json", "status": 500},
    "reset": {"kind": "stream", "finish": False, "done": False, "then": "reset"},
    "no end": {"kind": "bytes", "body": CHUNK, "headers": STREAMS},
    "no event": {"kind": "bytes", "body": "", "headers": STREAMS},
    "not JSON": {"kind": "stream", "events": [CHUNK, "data: {oops\n\n"]},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "answers": {"kind": "json"},
    "429": {"kind": "json", "status": 429},
    "400": {"kind": "json", "status": 400},
    "401": {"kind": "json", "status": 401},
    "an error with 200": {"kind": "json", "whole": {"error": {"message": "no", "type": "x"}}},
}


@pytest.fixture(name="spare")
def spare_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


def publish(rig: Rig, upstream: str, spare: FakeUpstream, *, rule: BreakerRule = LONG, **changes: Any) -> None:
    """One fragile deployment: alone, with a fallback, and as an arm."""
    fragile = deployment("fragile", upstream, timeouts=LIMITS, breaker=rule, **changes)
    variants = (Variant("a", "fragile", 50.0), Variant("b", "fragile", 50.0))
    trial = Experiment(EXPERIMENT, "Which one?", "user", "a", variants, "salt", 100.0)
    routes = {
        "alone": Route("alone", deployment="fragile"),
        "rescued": Route("rescued", deployment="fragile", fallback="spare"),
        "arm": Route("arm", experiment=EXPERIMENT, fallback="spare"),
        "lost-arm": Route("lost-arm", experiment=EXPERIMENT),
    }
    deployments = {"fragile": fragile, "spare": deployment("spare", spare.url)}
    rig.publish(plan_for(upstream, deployments=deployments, routes=routes, experiments={EXPERIMENT: trial}))


def ask(rig: Rig, model: str = "alone", fake: dict[str, Any] | None = None, *, stream: bool = False) -> httpx.Response:
    sent = {"model": model, "user": "u", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    return httpx.post(
        f"{rig.url}/chat/completions", json=sent | ({"fake": fake} if fake else {}), timeout=PATIENCE, verify=False
    )


def event(rig: Rig, answer: httpx.Response) -> dict[str, Any]:
    name = answer.headers["x-request-id"]
    until(lambda: any(one["request_id"] == name for one in rig.events("request")))
    (found,) = [one for one in rig.events("request") if one["request_id"] == name]
    return found


def attempts(rig: Rig, answer: httpx.Response) -> list[tuple[str, str]]:
    """The purpose and the deployment of each call that was made for a recorded request."""
    name = event(rig, answer)["request_id"]
    return [(one["purpose"], one["deployment"]) for one in rig.events("attempt") if one["request_id"] == name]


def samples(rig: Rig) -> dict[str, int]:
    """The breaker's samples of the fragile deployment, without the name of the worker."""
    text = httpx.get(f"{rig.root}/metrics", verify=False).text
    found = re.findall(r'^fairtrial_breaker_(\w+)\{worker="\w+",deployment="fragile"(.*)\} (\d+)$', text, re.MULTILINE)
    return {name + labels: int(value) for name, labels, value in found}


def is_refused(answer: httpx.Response) -> bool:
    """Whether the breaker refused it; all of its headers are then as documented."""
    if b'"upstream_unavailable"' not in answer.content:
        return False
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 600
    assert answer.headers["x-should-retry"] == "true"
    assert answer.json()["error"]["type"] == "upstream_error"
    return True


@pytest.mark.parametrize("fake", FAILURES.values(), ids=FAILURES)
def test_an_upstream_that_fails_receives_five_requests(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, fake: dict[str, Any]
) -> None:
    publish(rig, upstream.url, spare)
    answers = [ask(rig, fake=fake) for _ in range(8)]
    assert [is_refused(answer) for answer in answers] == [False] * 5 + [True] * 3
    assert len(upstream.seen) == 5


@pytest.mark.parametrize("fake", BROKEN_STREAMS.values(), ids=BROKEN_STREAMS)
def test_streams_that_break_off_open_the_breaker(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, fake: dict[str, Any]
) -> None:
    publish(rig, upstream.url, spare)
    for _ in range(5):
        ask(rig, fake=fake, stream=True)
    assert is_refused(ask(rig, stream=True))
    assert len(upstream.seen) == 5


@pytest.mark.parametrize("fake", ANSWERS.values(), ids=ANSWERS)
def test_an_upstream_that_answers_is_called_again(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, fake: dict[str, Any]
) -> None:
    publish(rig, upstream.url, spare)
    for _ in range(8):
        ask(rig, fake=fake)
    assert len(upstream.seen) == 8
    assert samples(rig)['state,state="closed"'] == 1


def test_an_answer_between_failures_resets_the_count_and_a_429_does_not(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare)
    bad, busy = FAILURES["500"], ANSWERS["429"]
    for fake in (bad, bad, bad, bad, {"kind": "json"}, bad, bad, bad, bad, busy, bad):
        assert not is_refused(ask(rig, fake=fake))
    assert is_refused(ask(rig))
    assert len(upstream.seen) == 11


def test_a_dead_address_is_tried_five_times_and_the_fallback_serves_at_once(rig: Rig, spare: FakeUpstream) -> None:
    (port,) = free_ports(1)
    publish(rig, f"http://127.0.0.1:{port}/v1", spare)
    answers = [ask(rig, "rescued") for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(spare.seen) == 8
    served = ("fallback", "spare")
    assert [attempts(rig, answer) for answer in answers] == [[("live", "fragile"), served]] * 5 + [[served]] * 3
    assert is_refused(ask(rig))


async def test_requests_in_flight_when_it_opens_end_as_they_would_and_nothing_else_is_sent(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare)
    sent = {"model": "alone", "messages": [], "fake": {"kind": "stall"}}
    async with httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=200), verify=False) as client:

        async def many(count: int) -> list[int]:
            asked = (client.post(f"{rig.url}/chat/completions", json=sent) for _ in range(count))
            return [answer.status_code for answer in await asyncio.gather(*asked)]

        first = await many(200)
        reached = len(upstream.seen)
        assert first.count(504) == reached
        assert first.count(503) == 200 - reached
        assert await many(50) == [503] * 50
    assert len(upstream.seen) == reached
    assert samples(rig)["opened_total"] == 1


@pytest.mark.parametrize(
    ("route", "status", "reason", "user"),
    [("arm", 200, "fallback", "answered"), ("lost-arm", 503, "assigned", "failed")],
)
def test_a_request_that_is_kept_away_counts_as_failed_for_its_arm(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, route: str, status: int, reason: str, user: str
) -> None:
    publish(rig, upstream.url, spare)
    upstream.script = FAILURES["500"]
    met = [event(rig, ask(rig, route)) for _ in range(5)]
    assert [one["breaker"] for one in met] == ["closed"] * 5
    answer = ask(rig, route)
    kept = event(rig, answer)
    assert (answer.status_code, len(upstream.seen)) == (status, 5)
    assert (kept["breaker"], kept["reason"]) == ("open", reason)
    assert (kept["arm_outcome"], kept["user_outcome"]) == ("failed", user)
    assert kept["variant_assigned"] in ("a", "b")
    assert attempts(rig, answer) == ([("fallback", "spare")] if route == "arm" else [])
    assert [one["enrolled"] for one in rig.events("exposure")] == [True] * 6


def test_a_fallback_whose_own_breaker_is_open_is_not_called_either(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare)
    upstream.script = spare.script = FAILURES["500"]
    answers = [ask(rig, "rescued") for _ in range(7)]
    assert [is_refused(answer) for answer in answers] == [False] * 5 + [True] * 2
    assert (len(upstream.seen), len(spare.seen)) == (5, 5)
    kept = event(rig, answers[-1])
    assert (kept["arm_outcome"], kept["user_outcome"], attempts(rig, answers[-1])) == ("failed", "failed", [])


def test_a_probe_closes_it_once_the_upstream_is_back(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare, rule=SHORT)
    upstream.script = FAILURES["500"]
    for _ in range(5):
        ask(rig)
    upstream.script = {"kind": "json"}
    while is_refused(last := ask(rig)):
        pass
    assert (last.status_code, event(rig, last)["breaker"]) == (200, "half_open")
    after = [ask(rig) for _ in range(5)]
    assert [answer.status_code for answer in after] == [200] * 5
    assert event(rig, after[0])["breaker"] == "closed"
    assert len(upstream.seen) == 11


def test_a_caller_who_leaves_frees_the_place_of_the_probe(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare, rule=SHORT)
    for _ in range(5):
        ask(rig, fake=FAILURES["500"])
    upstream.script = {"kind": "stall"}
    sent = {"model": "alone", "messages": []}
    while len(upstream.seen) < 6:
        with suppress(httpx.ReadTimeout):
            httpx.post(f"{rig.url}/chat/completions", json=sent, timeout=0.3, verify=False)
    upstream.script = {"kind": "json"}
    until(lambda: ask(rig).status_code == 200)


def test_a_changed_deployment_begins_closed_and_an_unchanged_one_stays_open(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare)
    for _ in range(5):
        ask(rig, fake=FAILURES["500"])
    with FakeUpstream() as elsewhere:
        publish(rig, upstream.url, elsewhere)
        assert is_refused(ask(rig))
    publish(rig, upstream.url, spare, model="openai/other")
    assert ask(rig).status_code == 200
    assert samples(rig)["opened_total"] >= 1


def test_a_breaker_that_is_turned_off_never_opens(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare, rule=BreakerRule(failures=0))
    assert [ask(rig, fake=FAILURES["500"]).status_code for _ in range(8)] == [500] * 8


def test_a_missing_key_and_the_caller_s_mistakes_do_not_open_it(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare, api_key=NO_KEY)
    codes = [ask(rig).json()["error"]["code"] for _ in range(7)]
    assert codes == ["deployment_key_missing"] * 7
    publish(rig, upstream.url, spare, provider="anthropic")
    sent = {"model": "alone", "prompt": "hi"}
    answers = [httpx.post(f"{rig.url}/completions", json=sent, timeout=PATIENCE, verify=False) for _ in range(7)]
    assert [answer.json()["error"]["code"] for answer in answers] == ["endpoint_not_served"] * 7


def test_a_translated_deployment_has_a_breaker_too(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare, provider="anthropic", api_key="sk-a")
    upstream.script = {"kind": "json", "status": 500, "whole": {"type": "error", "error": {"type": "api_error"}}}
    answers = [ask(rig) for _ in range(7)]
    assert [is_refused(answer) for answer in answers] == [False] * 5 + [True] * 2
    assert len(upstream.seen) == 5


def test_metrics_show_the_state_and_what_was_kept_away(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare)
    before = samples(rig)
    for _ in range(5):
        ask(rig, fake=FAILURES["500"])
    for _ in range(3):
        ask(rig)
    after = samples(rig)
    states = {name: after[f'state,state="{name}"'] for name in ("closed", "open", "half_open")}
    assert states == {"closed": 0, "open": 1, "half_open": 0}
    counts = {name: after[name] - before[name] for name in ("opened_total", "kept_away_total")}
    assert counts == {"opened_total": 1, "kept_away_total": 3}
