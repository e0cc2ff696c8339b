"""Every way in which a request can end is counted for its arm and its caller, alike by the gateway and by the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Route
from fairtrial.domain.settings import BreakerRule, Timeouts
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, key, plan_for, running
from tests.fixtures.gateway.samples import samples
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

STATUS = {"kind": "json", "whole": {"error": {"message": "no", "type": "invalid_request_error"}}}
BROKEN = {"kind": "stream", "finish": False, "done": False, "then": "reset"}
CHUNK = 'data: {"id": "a", "choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\n'
STREAMS = {"content-type": "text/event-stream"}
AUTHORIZED = {"authorization": "Bearer ft-all"}

ENDINGS: list[tuple[str, dict[str, Any], bool, tuple[str, str]]] = [
    ("answered", {}, False, ("answered", "answered")),
    ("answered as a stream", {}, True, ("answered", "answered")),
    ("400", {**STATUS, "status": 400}, False, ("rejected", "rejected")),
    ("413 of a stream", {**STATUS, "status": 413}, True, ("rejected", "rejected")),
    ("422", {**STATUS, "status": 422}, False, ("rejected", "rejected")),
    ("401: the gateway's key", {**STATUS, "status": 401}, False, ("failed", "failed")),
    ("404: a model that is not loaded", {**STATUS, "status": 404}, False, ("failed", "failed")),
    ("429", {**STATUS, "status": 429}, False, ("failed", "failed")),
    ("500", {**STATUS, "status": 500}, False, ("failed", "failed")),
    ("an error with 200", STATUS, False, ("failed", "failed")),
    ("a redirect", {"kind": "bytes", "status": 302, "headers": {"location": "/x"}}, False, ("failed", "failed")),
    ("reset", {"kind": "reset"}, False, ("failed", "failed")),
    ("stall", {"kind": "stall"}, False, ("failed", "failed")),
    ("not JSON", {"kind": "html", "status": 200}, False, ("failed", "failed")),
    ("an empty answer", {"kind": "bytes", "body": ""}, False, ("failed", "failed")),
    ("an empty stream", {"kind": "bytes", "body": "", "headers": STREAMS}, True, ("failed", "failed")),
    ("a stream that breaks off", BROKEN, True, ("failed", "failed")),
    ("a stream without an end", {"kind": "bytes", "body": CHUNK, "headers": STREAMS}, True, ("failed", "failed")),
    ("a stream that cannot be read", {"kind": "stream", "events": [CHUNK, "data: {oops\n\n"]}, True, ("failed",) * 2),
]
"""What the upstream does, whether a stream was asked for, and the outcome for the arm and the caller."""


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    (port,) = free_ports(1)
    dead = f"http://127.0.0.1:{port}/v1"
    short = Timeouts(connect=2.0, first_byte=1.0, idle=1.0, total=5.0)
    always: dict[str, Any] = {"breaker": BreakerRule(failures=0)}
    with running(tmp_path_factory.mktemp("outcomes")) as rig:
        rig.publish(
            plan_for(
                upstream.url,
                deployments={
                    "base": deployment("base", upstream.url, timeouts=short, **always),
                    "tuned": deployment("tuned", upstream.url, timeouts=short, parent="base", **always),
                    "dead": deployment("dead", dead, **always),
                    "keyless": deployment("keyless", upstream.url, api_key="${FAIRTRIAL_TEST_UNSET}"),
                    "translated": deployment("translated", upstream.url, provider="anthropic"),
                },
                routes={
                    "bot": Route("bot", experiment=EXPERIMENT),
                    "dead": Route("dead", deployment="dead"),
                    "rescued": Route("rescued", deployment="dead", fallback="base"),
                    "keyless": Route("keyless", deployment="keyless"),
                    "translated": Route("translated", deployment="translated"),
                },
            ),
            key("ft-all", "complete", "pin", "feedback"),
        )
        yield rig


def ask(rig: Rig, model: str, fake: dict[str, Any], *, stream: bool = False, path: str = "chat/completions") -> str:
    """Ask, read what comes to its end, and return the request's id."""
    sent = {"model": model, "user": "u", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    headers = AUTHORIZED | {"x-fake": json.dumps(fake or {"kind": "json"})}
    with httpx.stream(
        "POST", f"{rig.url}/{path}", json=sent, headers=headers, timeout=PATIENCE, verify=False
    ) as answer:
        request_id: str = answer.headers["x-request-id"]
        try:
            answer.read()
        except httpx.HTTPError:
            assert stream
    return request_id


def outcomes(rig: Rig, request_id: str) -> tuple[str, str]:
    until(lambda: any(one["request_id"] == request_id for one in rig.events("request")))
    (event,) = [one for one in rig.events("request") if one["request_id"] == request_id]
    return event["arm_outcome"], event["user_outcome"]


@pytest.mark.parametrize(("fake", "stream", "expected"), [one[1:] for one in ENDINGS], ids=[one[0] for one in ENDINGS])
def test_what_an_upstream_does_is_counted(
    rig: Rig, fake: dict[str, Any], stream: bool, expected: tuple[str, str]
) -> None:
    assert outcomes(rig, ask(rig, "bot", fake, stream=stream)) == expected


@pytest.mark.parametrize(
    ("route", "fake", "expected"),
    [
        ("dead", {}, ("failed", "failed")),
        ("rescued", {}, ("failed", "answered")),
        ("rescued", {**STATUS, "status": 400}, ("failed", "rejected")),
        ("rescued", {**STATUS, "status": 500}, ("failed", "failed")),
        ("keyless", {}, ("failed", "failed")),
        ("nowhere", {}, ("none", "none")),
    ],
)
def test_a_fallback_changes_what_the_caller_got_and_not_what_the_arm_did(
    rig: Rig, route: str, fake: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert outcomes(rig, ask(rig, route, fake)) == expected


def test_a_caller_s_mistake_counts_for_nobody(rig: Rig) -> None:
    assert outcomes(rig, ask(rig, "translated", {}, path="completions")) == ("none", "none")


def test_a_caller_who_leaves_counts_for_nobody(rig: Rig) -> None:
    slow = {"kind": "stream", "chunks": 50, "delay": 0.1}
    sent = {"model": "bot", "user": "u", "stream": True, "messages": [], "fake": slow}
    with httpx.stream("POST", f"{rig.url}/chat/completions", json=sent, headers=AUTHORIZED, verify=False) as answer:
        next(answer.iter_raw())
    assert outcomes(rig, answer.headers["x-request-id"]) == ("none", "none")


def test_the_store_computes_the_same_for_requests_of_earlier_releases(rig: Rig) -> None:
    for _, fake, stream, _ in ENDINGS:
        ask(rig, "bot", fake, stream=stream)
    rescued = {ask(rig, "rescued", fake) for fake in ({}, {**STATUS, "status": 500})}
    rig.await_events("request", len(ENDINGS) + len(rescued))
    database = Database.open(rig.layout)
    try:
        ingester = Ingester(database, lambda: 1)
        ingester.catch_up()
        recorded = read(database)
        assert len({outcome for _, outcome in recorded}) > 4
        with database.transaction() as cursor:
            cursor.execute("UPDATE requests SET arm_outcome = NULL, user_outcome = NULL")
        Ingester(database, lambda: 1).catch_up()
        computed = read(database)
    finally:
        database.close()
    assert computed == recorded


def read(database: Database) -> set[tuple[str, tuple[str, str]]]:
    sql = "SELECT request_id, arm_outcome, user_outcome FROM requests"
    return {(request, (arm, user)) for request, arm, user in database.rows(sql)}


def test_labels_of_metrics_are_the_variants_of_the_plan(rig: Rig) -> None:
    text = httpx.get(f"{rig.root}/metrics", verify=False).text
    found = {
        (sample.labels["experiment"], sample.labels["variant"]) for sample in samples(text, "variant_errors_total")
    }
    assert found == {(EXPERIMENT, "base"), (EXPERIMENT, "tuned")}
