"""A shadow gets copies of a route's requests off their path: callers and their records are as without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from fairtrial.config.layout import spending_file
from fairtrial.config.plan.hashes import plan_hash
from fairtrial.domain.limits.spending import Limit, Spent
from fairtrial.domain.money.prices import Price
from fairtrial.domain.plan import Plan, Route, Shadow
from fairtrial.journal.spending import SpendingFile
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, key, plan_for
from tests.fixtures.gateway.module_gateway import post
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

ASKED = {"model": "bot", "user": "u1", "messages": [{"role": "user", "content": "my mail is rosa@example.org"}]}


@pytest.fixture(name="candidate")
def candidate_fixture() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(lambda _, before: "the candidate's answer") as fake:
        yield fake


def plan_with(upstream: FakeUpstream, candidate: FakeUpstream, number: int, **route: Any) -> Plan:
    """A route with one deployment and a candidate beside it; plans of different numbers have different hashes."""
    deployments = {"base": deployment("base", upstream.url), "tuned": deployment("tuned", candidate.url)}
    routes = {"bot": Route("bot", deployment="base", **route)}
    plan = plan_for(upstream.url, deployments=deployments, routes=routes, experiments={}, retain_days=100 + number)
    return replace(plan, plan_hash=plan_hash(replace(plan, plan_hash="")))


def shadow(name: str, **changes: Any) -> Shadow:
    return replace(Shadow(name, "bot", "base", "tuned", 100.0), **changes)


def spent(rig: Rig, name: str) -> Spent:
    return SpendingFile(spending_file(rig.layout.folder, name)).spent()


def test_a_copy_is_made_beside_the_request_and_recorded_with_both_names(
    rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream
) -> None:
    rig.publish(plan_with(upstream, candidate, 1), key("ft-1", "complete"), shadows=(shadow("s1"),))
    headers = {"authorization": "Bearer ft-1", "idempotency-key": "once"}
    answer = post(rig, ASKED, **headers)
    assert "tuned" not in answer.text
    (pair,) = rig.await_events("shadow", 1)
    (request,) = rig.events("request")
    assert pair["request_id"] == request["request_id"] == answer.headers["x-request-id"]
    assert pair["unit"] == request["unit"]
    assert pair["attempt"]["outcome"] == "answered"
    assert Decimal(pair["attempt"]["cost_usd"]) == Decimal("0.00004")
    assert "the candidate's answer" in pair["response_body"]
    (sent,) = candidate.headers
    assert sent["x-request-id"] == pair["copy_id"]
    assert {"authorization", "idempotency-key"}.isdisjoint(sent)
    assert candidate.asked[0]["model"] == "tuned-model"
    counted = spent(rig, "s1")
    assert (counted.requests, counted.tokens, counted.nano_usd) == (1, 12, 40_000)


def test_a_stream_is_copied_as_a_stream(rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream) -> None:
    rig.publish(plan_with(upstream, candidate, 2), shadows=(shadow("s2"),))
    candidate.reply = lambda _, before: {"kind": "stream", "chunks": 3}
    answer = post(rig, ASKED | {"stream": True})
    assert answer.text.endswith("data: [DONE]\n\n")
    (pair,) = rig.await_events("shadow", 1)
    assert candidate.asked[0]["stream"] is True
    assert pair["attempt"]["outcome"] == "answered"
    assert pair["attempt"]["tokens"]["output"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ({"kind": "json", "status": 503, "whole": {"error": {"message": "no", "type": "server_error"}}}, None),
        ({"kind": "reset"}, "upstream_reset"),
        ({"kind": "stream", "chunks": 3, "finish": False, "done": False}, None),
    ],
)
def test_a_candidate_that_fails_is_called_once_and_fails_alone(
    rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream, reply: dict[str, Any], code: str | None
) -> None:
    rig.publish(plan_with(upstream, candidate, 3), shadows=(shadow(f"s3{code}"),))
    candidate.reply = lambda _, before: reply
    assert post(rig, ASKED | {"stream": reply["kind"] == "stream"}).status_code == 200
    (pair,) = rig.await_events("shadow", 1)
    assert (pair["attempt"]["outcome"], pair["dropped"], len(candidate.asked)) == ("failed", False, 1)
    assert code is None or pair["attempt"]["error_code"] == code
    assert post(rig, ASKED).status_code == 200
    assert "failed" not in {event["arm_outcome"] for event in rig.events("request")}


@pytest.mark.parametrize("reply", [{"kind": "stall"}, {"kind": "stream", "chunks": 100_000, "gap": 0.01}])
def test_a_silent_or_endless_candidate_fails_and_never_holds_its_callers(
    rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream, reply: dict[str, Any]
) -> None:
    plan = plan_with(upstream, candidate, 4)
    short = replace(plan.deployments["tuned"], timeouts=replace(plan.deployments["tuned"].timeouts, total=0.3))
    changed = replace(plan, deployments={**plan.deployments, "tuned": short}, plan_hash="")
    one_at_once = shadow(f"s4{reply['kind']}", max_concurrency=1)
    rig.publish(replace(changed, plan_hash=plan_hash(changed)), shadows=(one_at_once,))
    candidate.reply = lambda _, before: reply
    assert {post(rig, ASKED).status_code for _ in range(3)} == {200}
    pairs = rig.await_events("shadow", 3)
    assert {(pair["attempt"]["outcome"], pair["attempt"]["error_code"]) for pair in pairs} == {
        ("failed", "shadow_slow")
    }
    assert not any(pair["dropped"] for pair in pairs)


def test_a_dead_candidate_changes_no_byte_of_an_answer(
    rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream
) -> None:
    plan = plan_with(upstream, candidate, 9)
    dead = replace(plan.deployments["tuned"], base_url="http://127.0.0.1:9/v1")
    changed = replace(plan, deployments={**plan.deployments, "tuned": dead}, plan_hash="")
    rig.publish(replace(plan, plan_hash=plan_hash(replace(plan, plan_hash=""))))
    asked = (ASKED, ASKED | {"stream": True})
    before = [post(rig, body) for body in asked]
    rig.publish(replace(changed, plan_hash=plan_hash(changed)), shadows=(shadow("s9"),))
    after = [post(rig, body) for body in asked]
    pairs = rig.await_events("shadow", 2)
    assert {pair["attempt"]["error_code"] for pair in pairs} == {"upstream_connect"}
    for then, now in zip(before, after, strict=True):
        same = {name for name in then.headers if name not in ("date", "x-request-id")}
        assert now.content == then.content
        assert {name: now.headers[name] for name in same} == {name: then.headers[name] for name in same}


def test_what_needs_the_baseline_server_or_may_act_is_not_copied(
    rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream
) -> None:
    tools = {"tools": [{"type": "function", "function": {"name": "refund", "parameters": {}}}]}
    rig.publish(plan_with(upstream, candidate, 5), shadows=(shadow("s5"),))
    post(rig, ASKED | tools)
    httpx.post(f"{rig.url}/embeddings", json={"model": "bot", "input": "a"}, verify=False)
    post(rig, ASKED)
    rig.await_events("shadow", 1)
    assert [set(body) & {"tools", "input"} for body in candidate.asked] == [set()]
    rig.publish(plan_with(upstream, candidate, 6, tools="no_effects"), shadows=(shadow("s6"),))
    post(rig, ASKED | tools)
    rig.await_events("shadow", 2)
    assert candidate.asked[-1]["tools"] == tools["tools"]


def test_a_limit_ends_the_copies_and_not_the_requests(
    rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream
) -> None:
    limit = Limit(requests_per_day=2)
    rig.publish(plan_with(upstream, candidate, 7), shadows=(shadow("s7", limit=limit),))
    assert {post(rig, ASKED).status_code for _ in range(5)} == {200}
    until(lambda: spent(rig, "s7").reached > 0, "the limit")
    assert (len(candidate.asked), spent(rig, "s7").requests) == (2, 2)


def test_a_call_in_dollars_is_reserved_by_its_longest_answer(
    rig: Rig, upstream: FakeUpstream, candidate: ScriptedUpstream
) -> None:
    plan = plan_with(upstream, candidate, 8)
    assert plan.deployments["tuned"].price == Price(input=Decimal(2), output=Decimal(10))
    rig.publish(plan, shadows=(shadow("s8", limit=Limit(usd=Decimal("0.001"))),))
    post(rig, ASKED | {"max_tokens": 1_000})
    until(lambda: spent(rig, "s8").reached > 0, "the limit")
    assert (candidate.asked, spent(rig, "s8").nano_usd_total) == ([], 0)
