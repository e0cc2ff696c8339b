"""What an upstream can't do to a gateway: fill its memory, send a request on elsewhere, be asked more than once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from fairtrial.domain.plan import Route
from tests.fixtures.gateway.gateway_fixture import Rig, called_once, deployment, plan_for
from tests.fixtures.gateway.litellm_gateway import LitellmGateway
from tests.fixtures.upstream.server import FakeUpstream

USER: list[Any] = [{"role": "user", "content": "Hello?"}]
PROVIDERS = ("perplexity", "nvidia_nim", "hosted_vllm")
"""Two that litellm reaches by OpenAI's client, of which the second is asked again by default, and one by its own."""

ROUTES = ("base-direct", *PROVIDERS)
JSON, EVENTS = "application/json", "text/event-stream"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def rig(upstream: FakeUpstream, litellm_gateway: LitellmGateway) -> Rig:
    plain = plan_for(upstream.url)
    translated = {
        name: deployment(name, upstream.url, provider=name, model="some/model", api_key="canary-4711")
        for name in PROVIDERS
    }
    routes = {name: Route(name, deployment=name) for name in PROVIDERS}
    plan = plan_for(
        upstream.url,
        deployments={**plain.deployments, **translated},
        routes={**plain.routes, **routes},
    )
    litellm_gateway.rig.publish(called_once(plan))
    return litellm_gateway.rig


@pytest.fixture
def client(rig: Rig, upstream: FakeUpstream) -> Iterator[openai.OpenAI]:
    upstream.seen.clear()
    with openai.OpenAI(base_url=rig.url, api_key="any", max_retries=0) as found:
        yield found


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("stream", [False, True])
def test_a_redirect_is_never_followed(client: openai.OpenAI, upstream: FakeUpstream, route: str, stream: bool) -> None:
    upstream.script = {"kind": "raw", "text": _redirect(upstream)}
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=route, messages=USER, stream=stream)
    assert caught.value.status_code == 502
    assert [seen.path for seen in upstream.seen] == ["/v1/chat/completions"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("status", [429, 500])
def test_a_provider_is_asked_once(client: openai.OpenAI, upstream: FakeUpstream, route: str, status: int) -> None:
    upstream.script = {"kind": "json", "status": status, "whole": {"error": {"message": "No."}}}
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=route, messages=USER)
    assert caught.value.status_code == status and len(upstream.seen) == 1


@pytest.mark.parametrize(
    ("route", "mib"), [("base-direct", 258), ("perplexity", 34), ("nvidia_nim", 34), ("hosted_vllm", 34)]
)
def test_an_answer_without_end_is_given_up(client: openai.OpenAI, upstream: FakeUpstream, route: str, mib: int) -> None:
    upstream.script = {"kind": "flood", "type": JSON, "mib": mib}
    with pytest.raises(openai.InternalServerError, match=r"the answer is larger than \d+ MiB") as caught:
        client.chat.completions.create(model=route, messages=USER)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_too_large")


@pytest.mark.parametrize("route", ROUTES)
def test_an_event_without_end_is_given_up(rig: Rig, upstream: FakeUpstream, route: str) -> None:
    rig.forget()
    upstream.script = {"kind": "flood", "type": EVENTS, "mib": 34}
    said = httpx.post(
        f"{rig.url}/chat/completions", json={"model": route, "messages": USER, "stream": True}, timeout=30
    )
    assert "upstream_too_large" in said.text and "[DONE]" not in said.text and len(said.text) < 1000
    (event,) = rig.await_events("request", 1)
    assert event["outcome"] in ("partial", "error")


@pytest.mark.parametrize("route", ROUTES)
def test_a_model_that_repeats_itself_is_heard_to_the_end(
    client: openai.OpenAI, upstream: FakeUpstream, route: str
) -> None:
    upstream.script = {"kind": "json", "events": [*[_event("again ")] * 150, _event("", "stop"), "data: [DONE]\n\n"]}
    stream = client.chat.completions.create(model=route, messages=USER, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == "again " * 150


def _redirect(upstream: FakeUpstream) -> str:
    return f"HTTP/1.1 307 Moved\r\nlocation: {upstream.url}/elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def _event(text: str, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"
