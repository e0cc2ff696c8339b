"""What a wrong `base_url` meets: an error that names the right one, on the gateway's side and on the upstream's."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import openai
import pytest

from fairtrial.domain.plan import Plan
from fairtrial_cli.processes.health_watch import probe_upstreams
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, key, plan_for
from tests.fixtures.gateway.module_gateway import post
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.seen import Seen
from tests.fixtures.upstream.server import FakeUpstream, Script

MESSAGES = [{"role": "user", "content": "hi"}]


def plan_of(url: str, model: str) -> Plan:
    return Plan(deployments={"base": deployment("base", url, model=model)}, routes={}, experiments={})


@pytest.mark.parametrize("below", ["", "/", "/v1/v1", "/v1/chat/completions", "/api", "/openai/v1"])
def test_the_official_client_learns_the_right_address(rig: Rig, below: str) -> None:
    with openai.OpenAI(base_url=rig.root + below, api_key="none", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as found:
            client.chat.completions.create(model="bot", messages=MESSAGES)  # type: ignore[arg-type]
        with pytest.raises(openai.NotFoundError) as listed:
            client.models.list()
    for error in (found.value, listed.value):
        assert error.code == "unknown_url"
        assert "The base_url of this gateway is its address with /v1 behind it" in error.message


def test_a_path_that_is_not_served_gets_no_such_advice(rig: Rig) -> None:
    message = post(rig, {}, path="/files").json()["error"]["message"]
    assert message == "Invalid URL (POST /v1/files)"


def test_a_strange_host_is_not_repeated(rig: Rig) -> None:
    answer = httpx.post(f"{rig.root}/chat/completions", json={}, headers={"host": "<script>"})
    assert answer.status_code in (400, 404)
    assert "script" not in answer.text


def test_head_is_get_without_its_body(rig: Rig) -> None:
    for path in ("/v1/models", "/v1/models/bot", "/livez", "/readyz"):
        head, get = httpx.head(rig.root + path), httpx.get(rig.root + path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
        assert int(head.headers["content-length"]) == len(get.content)
    assert httpx.head(f"{rig.url}/models/nothing").status_code == 404


def test_head_of_models_needs_the_key_that_get_needs(rig: Rig, upstream: FakeUpstream) -> None:
    rig.publish(plan_for(upstream.url, retain_days=31), key("ft-app", "complete"), key("ft-words", "feedback"))
    for secret, status in (("ft-app", 200), ("ft-words", 403), ("ft-wrong", 401)):
        headers = {"authorization": f"Bearer {secret}"}
        assert httpx.head(f"{rig.url}/models", headers=headers).status_code == status
        assert httpx.get(f"{rig.url}/models", headers=headers).status_code == status


def test_a_server_that_does_not_run_is_named_with_how_to_start_it() -> None:
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}/v1"
    [line] = probe_upstreams(plan_of(url, "sample-base"))
    assert line.startswith(f"base: nothing responds at {url} (")
    assert line.endswith(f"start it with: fairtrial models serve --sample --port {port}")
    assert probe_upstreams(plan_of(url, "smollm2"))[0].endswith(f"fairtrial models serve --port {port}")
    assert "start your model server" in probe_upstreams(plan_of(url, "other"))[0]


class OnlyBelowV1(FakeUpstream):
    """As vLLM and Ollama answer: a list of models at ``/v1/models``, and nothing above."""

    def _script(self, seen: Seen, asked: dict[str, Any]) -> Script:
        return {"kind": "bytes", "status": 200 if seen.path == "/v1/models" else 404, "body": ""}


def test_a_base_url_without_v1_is_named_where_v1_is_there() -> None:
    with OnlyBelowV1() as server:
        root = server.url.removesuffix("/v1")
        found = [probe_upstreams(plan_of(url, "m")) for url in (root, f"{root}/", f"{root}/v1", f"{root}/other")]
    wrong = [f"base: the server at {root} has its API under /v1 (set base_url to {root}/v1)"]
    assert found == [wrong, wrong, [], []]


def test_a_server_that_accepts_and_says_nothing_does_not_hold_up_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        [line] = probe_upstreams(plan_of(url, "m"))
    assert "nothing responds" in line
