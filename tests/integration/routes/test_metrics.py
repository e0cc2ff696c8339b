"""One look at /metrics shows what all workers have done, whichever of them is asked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fairtrial.domain.money.prices import Price
from gateway.metrics import BOUNDS
from gateway.proxy.routes.metrics import DECLARED
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.gateway.samples import families, samples, total
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

ASKED = 40


def shown(rig: Rig) -> str:
    return httpx.get(f"{rig.root}/metrics").text


def workers(rig: Rig) -> set[str]:
    return {sample.labels["worker"] for sample in samples(shown(rig), "in_flight")}


def test_every_worker_s_counts_are_in_one_answer(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, running(tmp_path, workers=2) as rig:
        rig.publish(plan_for(upstream.url))
        until(lambda: workers(rig) == {"w0", "w1"})
        for _ in range(ASKED):
            assert post(rig, DIRECT).status_code == 200
        until(lambda: sum(sample.value for sample in samples(shown(rig), "requests_total", outcome="ok")) == ASKED)
        until(lambda: total(shown(rig), "request_seconds_count", route="base-direct", status="2xx") == ASKED)
        assert workers(rig) == {"w0", "w1"}


def test_each_metric_has_a_meaning_and_a_unit(rig: Rig) -> None:
    assert post(rig, DIRECT).status_code == 200
    answer = httpx.get(f"{rig.root}/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = families(answer.text)
    assert [family.name for family in found] == [f"fairtrial_{name.removesuffix('_total')}" for name in DECLARED]
    assert [family.name for family in found if not re.fullmatch(r"[^\n]{10,150}\.", family.documentation)] == []
    assert [
        family.name for family in found if family.type == "histogram" and not family.name.endswith("_seconds")
    ] == []


def test_latency_tokens_and_cost_are_counted_by_route_variant_and_status(upstream: FakeUpstream, rig: Rig) -> None:
    plan = plan_for(upstream.url)
    priced = {name: replace(each, price=Price(input=2.0, output=4.0)) for name, each in plan.deployments.items()}
    rig.publish(plan_for(upstream.url, deployments=priced))
    rig.forget()
    before = shown(rig)

    def rise(name: str, **labels: str) -> float:
        counts = [sum(sample.value for sample in samples(text, name, **labels)) for text in (before, after)]
        return counts[1] - counts[0]

    for _ in range(3):
        assert post(rig, DIRECT).status_code == 200
    usage = json.loads(post(rig, DIRECT).content)["usage"]
    variant = post(rig, BOT | {"user": "ann", "stream": True}).headers["x-fairtrial-variant"]
    upstream.script = {"kind": "json", "status": 400, "whole": {"error": {"message": "no", "type": "t"}}}
    assert post(rig, DIRECT).status_code == 400
    assert post(rig, DIRECT | {"model": "an-unknown-name"}).status_code == 404
    after, rows = shown(rig), rig.await_events("request", 7)
    direct = {"route": "base-direct", "variant": "", "status": "2xx"}
    assert rise("request_seconds_count", **direct) == 4
    assert rise("request_seconds_bucket", le="+Inf", **direct) == 4
    recorded = sum(row["latency_ms"] for row in rows if row["route"] == "base-direct" and row["status"] == 200)
    assert rise("request_seconds_sum", **direct) == pytest.approx(recorded / 1000)
    buckets = [sample.value for sample in samples(after, "request_seconds_bucket", **direct)]
    assert buckets == sorted(buckets) and len(buckets) == len(BOUNDS) + 1
    assert rise("input_tokens_total", **direct) == 4 * usage["prompt_tokens"]
    assert rise("output_tokens_total", **direct) == 4 * usage["completion_tokens"]
    cost = 4 * (2.0 * usage["prompt_tokens"] + 4.0 * usage["completion_tokens"]) / 1e6
    assert rise("cost_usd_total", **direct) == pytest.approx(cost)
    stream = {"route": "bot", "variant": variant, "status": "2xx"}
    assert rise("first_token_seconds_count", **stream) == 1
    assert 0 < rise("first_token_seconds_sum", **stream) <= rise("request_seconds_sum", **stream)
    assert rise("first_token_seconds_count", **direct) == 0
    assert rise("request_seconds_count", route="base-direct", status="4xx") == 1
    assert rise("request_seconds_count", route="", variant="", status="4xx") == 1
    assert "an-unknown-name" not in after
