"""One look at /metrics shows what all workers have done, whichever of them is asked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fairtrial.domain.settings import Price
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

ASKED = 40
OK = re.compile(r'^fairtrial_requests_total\{worker="(w\d)",outcome="ok"\} (\d+)$', re.MULTILINE)


def counted(rig: Rig) -> dict[str, int]:
    text = httpx.get(f"{rig.root}/metrics").text
    names = re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE)
    assert len(names) == len(set(names))
    return {worker: int(count) for worker, count in OK.findall(text)}


def workers(rig: Rig) -> set[str]:
    return set(re.findall(r'in_flight\{worker="(w\d)"', httpx.get(f"{rig.root}/metrics").text))


def test_every_worker_s_counts_are_in_one_answer(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, running(tmp_path, workers=2) as rig:
        rig.publish(plan_for(upstream.url))
        until(lambda: workers(rig) == {"w0", "w1"})
        for _ in range(ASKED):
            assert post(rig, DIRECT).status_code == 200
        until(lambda: sum(counted(rig).values()) == ASKED)
        assert workers(rig) == {"w0", "w1"}


def samples(rig: Rig) -> dict[str, float]:
    """Every sample of the only worker by its name and labels, without those of the worker."""
    text = httpx.get(f"{rig.root}/metrics").text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    shown = re.sub(r'worker="w0",?', "", "\n".join(lines)).replace("{}", "")
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in shown.splitlines())}


def test_each_metric_has_a_help_line_and_a_unit(rig: Rig) -> None:
    assert post(rig, DIRECT).status_code == 200
    text = httpx.get(f"{rig.root}/metrics").text
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\w+) (.+)$", text, re.MULTILINE))
    assert list(kinds) == list(helps) and all(meaning.endswith(".") for meaning in helps.values())
    endings = {"counter": "_total", "histogram": "_seconds"}
    assert [name for name, kind in kinds.items() if not name.endswith(endings.get(kind, ""))] == []


def test_latency_tokens_and_cost_are_counted_by_route_variant_and_status(upstream: FakeUpstream, rig: Rig) -> None:
    plan = plan_for(upstream.url)
    priced = {name: replace(each, price=Price(input=2.0, output=4.0)) for name, each in plan.deployments.items()}
    rig.publish(plan_for(upstream.url, deployments=priced))
    before = samples(rig)
    for _ in range(3):
        assert post(rig, DIRECT).status_code == 200
    usage = json.loads(post(rig, DIRECT).content)["usage"]
    variant = post(rig, BOT | {"user": "ann", "stream": True}).headers["x-fairtrial-variant"]
    upstream.script = {"kind": "json", "status": 400, "whole": {"error": {"message": "no", "type": "t"}}}
    assert post(rig, DIRECT).status_code == 400
    assert post(rig, DIRECT | {"model": "an-unknown-name"}).status_code == 404
    after = samples(rig)
    rise = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    direct = 'route="base-direct",variant="",status="2xx"'
    assert rise[f"fairtrial_request_seconds_count{{{direct}}}"] == 4
    assert rise[f'fairtrial_request_seconds_bucket{{{direct},le="+Inf"}}'] == 4
    buckets = [value for name, value in after.items() if name.startswith(f"fairtrial_request_seconds_bucket{{{direct}")]
    assert buckets == sorted(buckets) and len(buckets) == 11
    assert rise[f"fairtrial_input_tokens_total{{{direct}}}"] == 4 * usage["prompt_tokens"]
    assert rise[f"fairtrial_output_tokens_total{{{direct}}}"] == 4 * usage["completion_tokens"]
    cost = 4 * (2.0 * usage["prompt_tokens"] + 4.0 * usage["completion_tokens"]) / 1e6
    assert rise[f"fairtrial_cost_usd_total{{{direct}}}"] == pytest.approx(cost)
    stream = f'route="bot",variant="{variant}",status="2xx"'
    assert rise[f"fairtrial_first_token_seconds_count{{{stream}}}"] == 1
    assert (
        0 < rise[f"fairtrial_first_token_seconds_sum{{{stream}}}"] <= rise[f"fairtrial_request_seconds_sum{{{stream}}}"]
    )
    assert rise['fairtrial_request_seconds_count{route="base-direct",variant="",status="4xx"}'] == 1
    assert rise['fairtrial_request_seconds_count{route="",variant="",status="4xx"}'] == 1
    assert "an-unknown-name" not in httpx.get(f"{rig.root}/metrics").text
