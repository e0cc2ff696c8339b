"""A deployment that is broken for everybody is not called; what one caller breaks costs others nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Experiment, Key, Route, Variant
from fairtrial.domain.settings import BreakerRule, RetryRule, Timeouts
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, key, plan_for, running
from tests.fixtures.gateway.litellm_gateway import LitellmGateway
from tests.fixtures.gateway.samples import total
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

USUAL = BreakerRule()
SHORT = BreakerRule(open_seconds=0.05)
ONCE = RetryRule(attempts=1)
LIMITS = Timeouts(connect=2.0, first_byte=1.0, idle=1.0, total=10.0)
TRIES = 20
"""So many failed tries of as many users open a breaker."""

NO_KEY = "${FAIRTRIAL_TEST_UNSET}"

BROKEN: dict[str, dict[str, Any]] = {
    "500": {"kind": "json", "status": 500},
    "502": {"kind": "html"},
    "503 without JSON": {"kind": "bytes", "status": 503, "body": "down"},
    "504": {"kind": "json", "status": 504},
    "529": {"kind": "json", "status": 529},
    "reset": {"kind": "reset"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "answers": {"kind": "json"},
    "429": {"kind": "json", "status": 429},
    "400": {"kind": "json", "status": 400},
    "401": {"kind": "json", "status": 401},
    "501": {"kind": "json", "status": 501},
    "a redirect": {"kind": "bytes", "status": 302, "headers": {"location": "/x"}},
    "an error with 200": {"kind": "json", "whole": {"error": {"message": "no", "type": "x"}}},
    "a stream that breaks off": {"kind": "stream", "finish": False, "done": False, "then": "reset"},
}


@pytest.fixture(name="spare")
def spare_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


def publish(
    rig: Rig, upstream: str, spare: FakeUpstream, *keys: Key, rule: BreakerRule = USUAL, **changes: Any
) -> None:
    """One fragile deployment: alone, with a fallback, and as an arm."""
    fragile = deployment("fragile", upstream, **{"timeouts": LIMITS, "breaker": rule, "retry": ONCE, **changes})
    variants = (Variant("a", "fragile", 50.0), Variant("b", "fragile", 50.0))
    trial = Experiment(EXPERIMENT, "Which one?", "user", "a", variants, "salt", 100.0)
    routes = {
        "alone": Route("alone", deployment="fragile"),
        "rescued": Route("rescued", deployment="fragile", fallback="spare"),
        "arm": Route("arm", experiment=EXPERIMENT, fallback="spare"),
        "lost-arm": Route("lost-arm", experiment=EXPERIMENT),
    }
    deployments = {"fragile": fragile, "spare": deployment("spare", spare.url, retry=ONCE)}
    rig.publish(plan_for(upstream, deployments=deployments, routes=routes, experiments={EXPERIMENT: trial}), *keys)


def ask(
    rig: Rig,
    model: str = "alone",
    fake: dict[str, Any] | None = None,
    *,
    user: str = "u",
    prompt: str = "hi",
    stream: bool = False,
    secret: str | None = None,
) -> httpx.Response:
    sent = {"model": model, "user": user, "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    return httpx.post(
        f"{rig.url}/chat/completions",
        json=sent | ({"fake": fake} if fake else {}),
        headers=headers,
        timeout=PATIENCE,
        verify=False,
    )


def many(
    rig: Rig, fake: dict[str, Any], model: str = "alone", count: int = TRIES, **changes: Any
) -> list[httpx.Response]:
    """As many requests, each of another user."""
    return [ask(rig, model, fake, user=f"u{number}", **changes) for number in range(count)]


def until_refused(rig: Rig, model: str = "alone", **fields: Any) -> httpx.Response:
    """The first answer of an open breaker. Without a fallback one request in 0.2 seconds is a probe."""
    answers: list[httpx.Response] = []

    def refused() -> bool:
        answers.append(ask(rig, model, **fields))
        return is_refused(answers[-1])

    until(refused, "an open breaker that refuses")
    return answers[-1]


def event(rig: Rig, answer: httpx.Response) -> dict[str, Any]:
    name = answer.headers["x-request-id"]
    until(lambda: any(one["request_id"] == name for one in rig.events("request")))
    (found,) = [one for one in rig.events("request") if one["request_id"] == name]
    return found


def attempts(rig: Rig, answer: httpx.Response) -> list[tuple[str, str]]:
    """The purpose and the deployment of each call that was made for a recorded request."""
    name = event(rig, answer)["request_id"]
    return [(one["purpose"], one["deployment"]) for one in rig.events("attempt") if one["request_id"] == name]


def counted(rig: Rig, name: str, **labels: str) -> float:
    """A figure of the fragile deployment's breaker."""
    text = httpx.get(f"{rig.root}/metrics", verify=False).text
    return total(text, f"breaker_{name}", deployment="fragile", **labels)


def is_refused(answer: httpx.Response) -> bool:
    """Whether the breaker refused it; all of its headers are then as documented."""
    if b'"upstream_unavailable"' not in answer.content:
        return False
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    assert answer.headers["x-should-retry"] == "true"
    assert answer.json()["error"]["type"] == "upstream_error"
    return True


@pytest.mark.parametrize("fake", BROKEN.values(), ids=BROKEN)
def test_a_server_that_is_broken_for_everybody_is_not_called(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, fake: dict[str, Any]
) -> None:
    publish(rig, upstream.url, spare)
    answers = [ask(rig, fake=fake, user=f"u{number}", prompt=f"p{number}") for number in range(TRIES)]
    assert not any(map(is_refused, answers))
    assert len(upstream.seen) == TRIES
    until_refused(rig, fake=fake)


@pytest.mark.parametrize("fake", ANSWERS.values(), ids=ANSWERS)
def test_a_server_that_answers_is_called_again(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, fake: dict[str, Any]
) -> None:
    publish(rig, upstream.url, spare)
    many(rig, fake, count=TRIES + 5, stream=fake["kind"] == "stream")
    assert len(upstream.seen) == TRIES + 5
    assert counted(rig, "state", state="closed") == 1


def test_half_of_the_answers_come_through_if_half_of_them_fail(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare)
    fakes = [BROKEN["503 without JSON"], ANSWERS["answers"]] * 50
    answers = [ask(rig, fake=fake, user=f"u{number}") for number, fake in enumerate(fakes)]
    assert [answer.status_code for answer in answers] == [503, 200] * 50
    assert not any(map(is_refused, answers))


@pytest.mark.release("attacks")
@pytest.mark.parametrize("fake", [BROKEN["503 without JSON"], BROKEN["reset"]], ids=["503", "reset"])
def test_without_a_fallback_a_server_that_fails_four_times_in_five_is_no_outage(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, fake: dict[str, Any]
) -> None:
    publish(rig, upstream.url, spare)
    draw = Random(4)
    fakes = [fake if draw.random() < 0.8 else ANSWERS["answers"] for _ in range(300)]
    answers = [ask(rig, fake=one, user=f"u{number}", prompt=f"p{number}") for number, one in enumerate(fakes)]
    answered = sum(answer.status_code == 200 for answer in answers)
    assert answered >= 0.95 * fakes.count(ANSWERS["answers"])


def test_a_server_that_is_well_again_and_slow_gets_more_than_probes(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    limits = Timeouts(connect=2.0, first_byte=10.0, idle=1.0, total=20.0)
    publish(rig, upstream.url, spare, timeouts=limits)
    many(rig, BROKEN["503 without JSON"])
    until_refused(rig, fake=BROKEN["503 without JSON"])
    upstream.script = {"kind": "json", "delay": 1.5}
    with ThreadPoolExecutor(30) as threads:
        sent = []
        for number in range(30):
            sent.append(threads.submit(ask, rig, user=f"v{number}"))
            time.sleep(0.05)
    assert sum(one.result().status_code == 200 for one in sent) >= 20, "one in four would be a probe"


def test_a_prompt_that_breaks_the_server_costs_another_key_and_another_user_nothing(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    secrets = "ft-poison-1", "ft-good-2"
    publish(rig, upstream.url, spare, *(key(one, "complete") for one in secrets))
    for number in range(3 * TRIES):
        ask(rig, fake=BROKEN["500"], user="poison", prompt="the same", secret=secrets[0])
        ask(rig, fake=BROKEN["500"], user=f"u{number}", prompt=f"p{number}", secret=secrets[0])
        for secret in secrets:
            assert ask(rig, user="good", secret=secret).status_code == 200


def test_a_connection_that_can_not_be_opened_counts_whatever_the_unit(rig: Rig, spare: FakeUpstream) -> None:
    (port,) = free_ports(1)
    publish(rig, f"http://127.0.0.1:{port}/v1", spare, rule=BreakerRule(open_seconds=10.0))
    answers = [ask(rig, "rescued", user="constant") for _ in range(8)]
    served = ("fallback", "spare")
    assert [attempts(rig, answer) for answer in answers] == [[("live", "fragile"), served]] * 5 + [[served]] * 3


def test_a_silent_server_does_not_keep_a_constant_user_waiting(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    limits = Timeouts(connect=2.0, first_byte=0.3, idle=1.0, total=10.0)
    publish(rig, upstream.url, spare, rule=BreakerRule(open_seconds=10.0), timeouts=limits)
    upstream.script = {"kind": "stall"}
    answers = [ask(rig, "rescued", user="constant") for _ in range(7)]
    served = ("fallback", "spare")
    assert [attempts(rig, answer) for answer in answers] == [[("live", "fragile"), served]] * 5 + [[served]] * 2
    upstream.script = ANSWERS["answers"]
    assert attempts(rig, ask(rig, "rescued", user="another")) == [("live", "fragile")]


def test_embeddings_that_a_server_does_not_have_leave_its_chat_alone(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare)
    for number in range(TRIES + 5):
        sent = {"model": "alone", "input": f"p{number}", "user": f"u{number}", "fake": {"kind": "json", "status": 503}}
        httpx.post(f"{rig.url}/embeddings", json=sent, timeout=PATIENCE, verify=False)
    assert TRIES <= len(upstream.seen) < TRIES + 5
    assert ask(rig).status_code == 200
    assert counted(rig, "state", state="open") == 1


def test_a_dead_address_is_tried_five_times_and_the_fallback_serves_at_once(rig: Rig, spare: FakeUpstream) -> None:
    (port,) = free_ports(1)
    publish(rig, f"http://127.0.0.1:{port}/v1", spare, rule=BreakerRule(open_seconds=10.0))
    answers = many(rig, ANSWERS["answers"], "rescued", count=8)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(spare.seen) == 8
    served = ("fallback", "spare")
    assert [attempts(rig, answer) for answer in answers] == [[("live", "fragile"), served]] * 5 + [[served]] * 3
    until_refused(rig)


@pytest.mark.release("load")
async def test_requests_in_flight_when_it_opens_end_as_they_would_and_nothing_else_is_sent(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare, rule=BreakerRule(open_seconds=10.0))
    async with httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=200), verify=False) as client:

        async def ask_all(count: int) -> list[int]:
            sent = {"model": "rescued", "messages": []}
            asked = (
                client.post(f"{rig.url}/chat/completions", json=sent | {"user": f"u{number}"})
                for number in range(count)
            )
            return [answer.status_code for answer in await asyncio.gather(*asked)]

        upstream.script = {"kind": "stall"}
        assert await ask_all(200) == [200] * 200
        reached = len(upstream.seen)
        assert await ask_all(50) == [200] * 50
    assert len(upstream.seen) == reached
    assert counted(rig, "opened_total") == 1


@pytest.mark.parametrize(
    ("route", "status", "reason", "user"),
    [("arm", 200, "fallback", "answered"), ("lost-arm", 503, "assigned", "failed")],
)
def test_a_request_that_is_kept_away_is_no_failure_of_its_arm(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream, route: str, status: int, reason: str, user: str
) -> None:
    publish(rig, upstream.url, spare, rule=BreakerRule(open_seconds=10.0))
    upstream.script = BROKEN["503 without JSON"]
    met = [event(rig, ask(rig, route, user=f"u{number}")) for number in range(TRIES)]
    assert {(one["breaker"], one["arm_outcome"]) for one in met} == {("closed", "failed")}
    answer = ask(rig, route) if status == 200 else until_refused(rig, route)
    kept = event(rig, answer)
    assert answer.status_code == status
    assert (kept["breaker"], kept["reason"]) == ("open", reason)
    assert (kept["arm_outcome"], kept["user_outcome"]) == ("kept_away", user)
    assert kept["variant_assigned"] in ("a", "b")
    assert attempts(rig, answer) == ([("fallback", "spare")] if route == "arm" else [])
    assert [one["enrolled"] for one in rig.events("exposure")] == [True] * len(rig.events("exposure"))


def test_a_fallback_whose_own_breaker_is_open_is_not_called_either(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare, rule=BreakerRule(open_seconds=10.0))
    upstream.script = spare.script = BROKEN["503 without JSON"]
    answers = many(rig, BROKEN["503 without JSON"], "rescued", count=TRIES + 2)
    assert [is_refused(answer) for answer in answers] == [False] * TRIES + [True] * 2
    assert (len(upstream.seen), len(spare.seen)) == (TRIES, TRIES)
    kept = event(rig, answers[-1])
    assert (kept["arm_outcome"], kept["user_outcome"], attempts(rig, answers[-1])) == ("kept_away", "failed", [])


def test_a_probe_closes_it_once_the_server_is_back(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare, rule=SHORT)
    many(rig, BROKEN["503 without JSON"])
    while is_refused(last := ask(rig)):
        pass
    assert (last.status_code, event(rig, last)["breaker"]) == (200, "half_open")
    after = [ask(rig) for _ in range(5)]
    assert [answer.status_code for answer in after] == [200] * 5
    assert event(rig, after[0])["breaker"] == "closed"
    assert len(upstream.seen) == TRIES + 6


def test_a_probe_runs_beside_the_fallback_that_answers(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare, rule=SHORT)
    upstream.script = BROKEN["503 without JSON"]
    for number in range(TRIES):
        ask(rig, "rescued", user=f"u{number}")
    upstream.script = {"kind": "json", "delay": 0.3}
    until(lambda: ask(rig, "rescued").status_code == 200 and len(upstream.seen) > TRIES, "a probe")
    assert spare.seen, "nobody waited for the probe"
    until(lambda: attempts(rig, ask(rig, "rescued")) == [("live", "fragile")], "the server to be called again")


@pytest.mark.parametrize(
    ("late", "seconds", "status", "code"),
    [
        ({"kind": "stall"}, 0.4, None, "upstream_timeout"),
        ({"kind": "json", "status": 503, "delay": 0.2}, PATIENCE, 503, "upstream_error"),
        ({"kind": "json", "delay": 0.2}, PATIENCE, 200, None),
    ],
    ids=["silence", "503", "answers"],
)
def test_a_probe_that_ends_after_the_fallback_s_answer_is_in_the_record_of_its_request(
    rig: Rig,
    upstream: FakeUpstream,
    spare: FakeUpstream,
    late: dict[str, Any],
    seconds: float,
    status: int | None,
    code: str | None,
) -> None:
    publish(rig, upstream.url, spare, rule=SHORT, timeouts=replace(LIMITS, failover=seconds))
    upstream.script = BROKEN["503 without JSON"]
    many(rig, {}, "arm")
    upstream.script = late
    answers = []
    while len(upstream.seen) == TRIES:
        answers.append(ask(rig, "arm"))
    found = [event(rig, answer) for answer in answers]
    ((request, probe),) = [
        (one, call)
        for one in found
        for call in rig.events("attempt")
        if call["request_id"] == one["request_id"] and call["purpose"] == "live"
    ]
    assert (probe["status"], probe["error_code"]) == (status, code)
    assert (request["reason"], request["user_outcome"]) == ("fallback", "answered")
    assert request["arm_outcome"] == ("failed" if code else "kept_away")
    assert request["latency_ms"] < probe["latency_ms"], "the client did not wait for the probe"


def test_a_worker_that_stops_records_the_request_whose_probe_has_no_result(
    tmp_path: Path, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    with running(tmp_path) as rig:
        publish(rig, upstream.url, spare, rule=SHORT, timeouts=replace(LIMITS, failover=PATIENCE))
        many(rig, BROKEN["503 without JSON"], "arm")
        upstream.script = {"kind": "stall"}
        answers = []
        while len(upstream.seen) == TRIES:
            answers.append(ask(rig, "arm"))
    found = [event(rig, answer) for answer in answers]
    assert [one["arm_outcome"] for one in found] == ["kept_away"] * len(answers)


def test_a_caller_who_leaves_frees_the_place_of_the_probe(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare, rule=SHORT)
    many(rig, BROKEN["503 without JSON"])
    upstream.script = {"kind": "stall"}
    sent = {"model": "alone", "messages": []}
    while len(upstream.seen) < TRIES + 1:
        with suppress(httpx.ReadTimeout):
            httpx.post(f"{rig.url}/chat/completions", json=sent, timeout=0.3, verify=False)
    upstream.script = {"kind": "json"}
    until(lambda: ask(rig).status_code == 200)


def test_a_changed_deployment_begins_closed_and_an_unchanged_one_stays_open(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare, rule=BreakerRule(open_seconds=10.0))
    many(rig, BROKEN["503 without JSON"])
    with FakeUpstream() as elsewhere:
        publish(rig, upstream.url, elsewhere, rule=BreakerRule(open_seconds=10.0))
        until_refused(rig)
    publish(rig, upstream.url, spare, model="openai/other")
    assert ask(rig).status_code == 200
    assert counted(rig, "opened_total") >= 1


def test_a_breaker_that_is_turned_off_never_opens(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare, rule=BreakerRule(failures=0))
    answers = many(rig, BROKEN["503 without JSON"], count=TRIES + 5)
    assert not any(map(is_refused, answers))


def test_a_missing_key_and_the_caller_s_mistakes_do_not_open_it(
    rig: Rig, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    publish(rig, upstream.url, spare, api_key=NO_KEY)
    codes = {answer.json()["error"]["code"] for answer in many(rig, {}, count=TRIES + 2)}
    assert codes == {"deployment_key_missing"}
    publish(rig, upstream.url, spare, provider="anthropic")
    sent = {"model": "alone", "prompt": "hi"}
    answers = [httpx.post(f"{rig.url}/completions", json=sent, timeout=PATIENCE, verify=False) for _ in range(7)]
    assert [answer.json()["error"]["code"] for answer in answers] == ["endpoint_not_served"] * 7


def test_a_translated_deployment_has_a_breaker_too(
    litellm_gateway: LitellmGateway, upstream: FakeUpstream, spare: FakeUpstream
) -> None:
    rig = litellm_gateway.rig
    publish(rig, upstream.url, spare, provider="anthropic", api_key="sk-a")
    upstream.script = {"kind": "json", "status": 503, "whole": {"type": "error", "error": {"type": "api_error"}}}
    assert not any(map(is_refused, many(rig, {})))
    assert len(upstream.seen) == TRIES
    until_refused(rig)


def test_metrics_show_the_state_and_what_was_kept_away(rig: Rig, upstream: FakeUpstream, spare: FakeUpstream) -> None:
    publish(rig, upstream.url, spare, rule=BreakerRule(open_seconds=10.0))
    names = ("opened_total", "kept_away_total")
    before = [counted(rig, name) for name in names]
    many(rig, BROKEN["503 without JSON"], "rescued", count=TRIES + 3)
    states = {name: counted(rig, "state", state=name) for name in ("closed", "open", "half_open")}
    assert states == {"closed": 0, "open": 1, "half_open": 0}
    assert [counted(rig, name) - earlier for name, earlier in zip(names, before, strict=True)] == [1, 3]
