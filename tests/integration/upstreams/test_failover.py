"""Which servers a request is sent to, how often, and what its record and its answer say of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Experiment, Route, Variant
from fairtrial.domain.settings import RetryRule, Timeouts
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, plan_for
from tests.fixtures.upstream.faults import WELL, error
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

DOWN, BUSY = error(503), error(429)


@pytest.fixture(name="spares")
def spares_fixture() -> Iterator[tuple[FakeUpstream, FakeUpstream]]:
    with FakeUpstream() as one, FakeUpstream() as two:
        yield one, two


def publish(rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream], **changes: Any) -> None:
    first = deployment("first", upstream.url, **changes)
    deployments = {"first": first, "one": deployment("one", spares[0].url), "two": deployment("two", spares[1].url)}
    variants = (Variant("a", "first", 50.0, fallbacks=("two",)), Variant("b", "first", 50.0))
    trial = Experiment(EXPERIMENT, "Which one?", "user", "b", variants, "salt", 100.0)
    routes = {
        "alone": Route("alone", deployment="first"),
        "rescued": Route("rescued", deployment="first", fallback="one", other_fallbacks=("two",)),
        "split": Route("split", experiment=EXPERIMENT, fallback="one"),
    }
    rig.publish(plan_for(upstream.url, deployments=deployments, routes=routes, experiments={EXPERIMENT: trial}))


def ask(rig: Rig, model: str, path: str = "chat/completions", **fields: Any) -> httpx.Response:
    headers = fields.pop("headers", {})
    sent = {"model": model, "user": "u", "messages": [{"role": "user", "content": "hi"}]} | fields
    return httpx.post(f"{rig.url}/{path}", json=sent, headers=headers, timeout=PATIENCE)


def calls(rig: Rig, answer: httpx.Response) -> list[tuple[str, str]]:
    name = answer.headers["x-request-id"]
    until(lambda: any(one["request_id"] == name for one in rig.events("request")))
    return [(one["purpose"], one["deployment"]) for one in rig.events("attempt") if one["request_id"] == name]


def test_the_fallbacks_are_asked_in_their_order(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    publish(rig, upstream, spares, retry=RetryRule(attempts=1))
    upstream.script, spares[0].script = DOWN, error(500)
    answer = ask(rig, "rescued")
    assert (answer.status_code, answer.headers["x-fairtrial-served"]) == (200, "two")
    assert calls(rig, answer) == [("live", "first"), ("fallback", "one"), ("fallback", "two")]


def test_a_request_has_three_calls_and_its_error_says_that_they_are_spent(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    publish(rig, upstream, spares)
    upstream.script = spares[0].script = DOWN
    answer = ask(rig, "rescued")
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
    assert calls(rig, answer) == [("live", "first"), ("retry", "first"), ("fallback", "one")]
    assert spares[1].seen == []


def test_a_variant_has_fallbacks_of_its_own(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    publish(rig, upstream, spares, retry=RetryRule(attempts=1))
    upstream.script = DOWN
    served = set()
    for number in range(20):
        answer = ask(rig, "split", user=f"u{number}")
        assigned = rig.events("request")[-1]["variant_assigned"]
        served.add((assigned, answer.headers["x-fairtrial-served"]))
    assert served == {("a", "two"), ("b", "one")}


@pytest.mark.parametrize(
    ("path", "sent"),
    [("chat/completions", 2), ("completions", 2), ("embeddings", 2), ("responses", 1)],
)
def test_only_what_leaves_nothing_behind_is_sent_again(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream], path: str, sent: int
) -> None:
    publish(rig, upstream, spares)
    upstream.script = DOWN
    ask(rig, "alone", path, input="hi", prompt="hi")
    assert len(upstream.seen) == sent


def test_a_retry_of_the_client_counts_as_one_of_the_gateway(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    publish(rig, upstream, spares)
    upstream.script = DOWN
    ask(rig, "alone", headers={"x-stainless-retry-count": "1"})
    assert len(upstream.seen) == 1


def test_the_budget_ends_the_retries_and_the_client_may_try_again(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    publish(rig, upstream, spares, retry=RetryRule(budget=0.0))
    upstream.script = BUSY
    answers = [ask(rig, "alone") for _ in range(12)]
    assert len(upstream.seen) == 12 + 10
    assert [answer.headers.get("x-should-retry") for answer in answers] == ["false"] * 10 + [None] * 2


def test_a_server_that_asks_for_a_pause_gets_one_if_a_fallback_can_answer(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    publish(rig, upstream, spares)
    upstream.script = error(429, **{"retry-after": "30"})
    answers = [ask(rig, "rescued") for _ in range(3)]
    assert [answer.headers["x-fairtrial-served"] for answer in answers] == ["one"] * 3
    assert len(upstream.seen) == 1
    upstream.script = WELL
    assert ask(rig, "alone").status_code == 200  # where nothing else can answer, it is asked all the same


def test_an_answer_that_is_held_comes_whole_or_from_the_fallback(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    publish(rig, upstream, spares)
    plan = plan_for(
        upstream.url,
        deployments={"first": deployment("first", upstream.url), "one": deployment("one", spares[0].url)},
        routes={"held": Route("held", deployment="first", fallback="one", hold="complete")},
        experiments={},
    )
    rig.publish(plan)
    whole = ask(rig, "held", stream=True)
    assert whole.text.count("data: ") == 6 and whole.text.endswith("data: [DONE]\n\n")
    upstream.script = {"kind": "stream", "finish": False, "done": False}
    assert ask(rig, "held", stream=True).headers["x-fairtrial-served"] == "one"
    word = {"kind": "json", "answer": {"note": "error"}}
    assert ask(rig, "held", fake=word).headers["x-fairtrial-served"] == "first"
    broken = {"kind": "bytes", "body": '{"error": null, "choices": [', "declared": 90, "then": "close"}
    assert ask(rig, "held", fake=broken).headers["x-fairtrial-served"] == "one"


def test_a_held_stream_that_never_ends_is_given_up_in_the_deployments_total_time(
    rig: Rig, upstream: FakeUpstream, spares: tuple[FakeUpstream, FakeUpstream]
) -> None:
    endless = deployment("first", upstream.url, timeouts=Timeouts(total=1))
    plan = plan_for(
        upstream.url,
        deployments={"first": endless, "one": deployment("one", spares[0].url)},
        routes={
            "alone": Route("alone", deployment="first", hold="complete"),
            "rescued": Route("rescued", deployment="first", fallback="one", hold="complete"),
        },
        experiments={},
    )
    rig.publish(plan)
    upstream.script = {"kind": "stream", "chunks": 2_000, "delay": 0.02}
    alone = ask(rig, "alone", stream=True)
    assert (alone.status_code, alone.json()["error"]["code"]) == (504, "upstream_stalled")
    assert ask(rig, "rescued", stream=True).headers["x-fairtrial-served"] == "one"
