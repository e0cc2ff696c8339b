"""Other providers by translation: Gemini; one that counts no tokens; and nothing is ever fetched from elsewhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from fairtrial.domain.money.tokens import Tokens
from fairtrial.domain.plan import Route
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, plan_for
from tests.fixtures.gateway.litellm_gateway import LitellmGateway
from tests.fixtures.gateway.scripted_answers import recorded
from tests.fixtures.upstream.providers.gemini import FakeGemini
from tests.fixtures.upstream.server import FakeUpstream

USER: list[Any] = [{"role": "user", "content": "Hello?"}]
MODELS = {
    "gemini": ("gemini", "gemini-2.5-flash"),
    "mistral": ("mistral", "mistral-large-latest"),
    "llama": ("hosted_vllm", "meta-llama/Meta-Llama-3-8B"),
    "claude": ("anthropic", "claude-sonnet-4-5"),
    "vertex": ("vertex_ai", "gemini-2.5-pro"),
    "keyless": ("gemini", "gemini-2.5-flash"),
}


@pytest.fixture(scope="module")
def gemini() -> Iterator[FakeGemini]:
    with FakeGemini() as fake:
        yield fake


@pytest.fixture(scope="module")
def plain() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def elsewhere(litellm_gateway: LitellmGateway) -> FakeUpstream:
    return litellm_gateway.elsewhere


@pytest.fixture(scope="module")
def rig(gemini: FakeGemini, plain: FakeUpstream, litellm_gateway: LitellmGateway) -> Rig:
    elsewhere = litellm_gateway.elsewhere
    urls = {"gemini": gemini.url, "claude": elsewhere.url.removesuffix("/v1")}
    keys = {"keyless": None, "vertex": None}
    deployments = {
        name: deployment(
            name, urls.get(name, plain.url), provider=provider, model=model, api_key=keys.get(name, "canary-4711")
        )
        for name, (provider, model) in MODELS.items()
    }
    base = plan_for(plain.url)
    plan = plan_for(
        plain.url,
        deployments={**base.deployments, **deployments},
        routes={name: Route(name, deployment=name) for name in MODELS},
    )
    litellm_gateway.rig.publish(plan)
    return litellm_gateway.rig


@pytest.fixture
def client(rig: Rig) -> Iterator[openai.OpenAI]:
    rig.forget()
    with openai.OpenAI(base_url=rig.url, api_key="any", max_retries=0) as found:
        yield found


def ask(client: openai.OpenAI, model: str, **fields: Any) -> Any:
    return client.chat.completions.create(model=model, messages=USER, **fields)


def test_gemini_answers_whole_and_as_a_stream(client: openai.OpenAI, gemini: FakeGemini, rig: Rig) -> None:
    answer = ask(client, "gemini", temperature=0, max_tokens=5, seed=3)
    assert answer.choices[0].message.content == "Hello" and answer.usage.total_tokens == 5
    assert gemini.seen[-1].json["generationConfig"] == {"temperature": 0, "max_output_tokens": 5, "seed": 3}
    assert gemini.seen[-1].header("x-goog-api-key") == "canary-4711" and "key=" not in gemini.seen[-1].path
    chunks = list(ask(client, "gemini", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello"
    assert chunks[-1].choices[0].finish_reason == "stop"
    events = rig.await_events("request", 2)
    assert [(event["tokens_in"], event["tokens_out"]) for event in events] == [(3, 2), (3, 2)]


def test_gemini_counts_reasoning_beside_its_answer(client: openai.OpenAI, gemini: FakeGemini, rig: Rig) -> None:
    usage = {"promptTokenCount": 1000, "cachedContentTokenCount": 800, "candidatesTokenCount": 10}
    gemini.script = {"kind": "json", "usage": usage | {"thoughtsTokenCount": 90, "totalTokenCount": 1100}}
    ask(client, "gemini")
    assert list(ask(client, "gemini", stream=True))
    gemini.script = {"kind": "json"}
    for event in rig.await_events("request", 2):
        (attempt,) = recorded(rig, event["request_id"]).attempts
        assert attempt.tokens == Tokens(input=1000, cached=800, output=100, reasoning=90)


def test_geminis_error_is_openais(client: openai.OpenAI, gemini: FakeGemini) -> None:
    gemini.script = {"kind": "json", "status": 429}
    with pytest.raises(openai.RateLimitError, match=r"gemini: No quota\.") as caught:
        ask(client, "gemini")
    gemini.script = {"kind": "json"}
    assert (caught.value.code, caught.value.response.headers["retry-after"]) == ("RESOURCE_EXHAUSTED", "3")


@pytest.mark.parametrize("stream", [False, True])
def test_the_class_of_geminis_error_is_recorded_and_costs_nothing(
    client: openai.OpenAI, gemini: FakeGemini, rig: Rig, stream: bool
) -> None:
    gemini.script = {"kind": "json", "status": 429}
    with pytest.raises(openai.RateLimitError):
        ask(client, "gemini", stream=stream)
    gemini.script = {"kind": "json"}
    (event,) = rig.await_events("request", 1)
    assert (event["status"], event["outcome"], event["error_code"]) == (429, "error", "RESOURCE_EXHAUSTED")
    (attempt,) = recorded(rig, event["request_id"]).attempts
    assert (attempt.fault, attempt.status, attempt.cost_usd) == ("upstream", 429, None)


def test_tokens_that_the_provider_did_not_count_are_unknown(
    client: openai.OpenAI, plain: FakeUpstream, rig: Rig
) -> None:
    plain.script = {"kind": "stream", "usage": "never"}
    chunks = list(ask(client, "mistral", stream=True, stream_options={"include_usage": True}))
    assert all(chunk.usage is None for chunk in chunks)
    plain.script = {"kind": "json", "answer": {"usage": None}}
    assert ask(client, "mistral").usage is None
    plain.script = {"kind": "json"}
    events = rig.await_events("request", 2)
    assert [(event["tokens_in"], event["usage_source"], event["cost_usd"]) for event in events] == [
        (None, "none", None)
    ] * 2


def test_nothing_is_fetched_from_elsewhere(client: openai.OpenAI, elsewhere: FakeUpstream) -> None:
    assert list(ask(client, "llama", stream=True)) and ask(client, "llama").choices
    with pytest.raises(openai.OpenAIError):  # it is no Anthropic that stands there
        ask(client, "claude")
    assert [seen.path for seen in elsewhere.seen] == ["/v1/messages"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_missing_here_is_reported(client: openai.OpenAI, plain: FakeUpstream, stream: bool) -> None:
    plain.seen.clear()
    with pytest.raises(openai.AuthenticationError, match="keyless: the provider has no key, or refused it"):
        ask(client, "keyless", stream=stream)
    if importlib.util.find_spec("google.auth") is None:
        with pytest.raises(
            openai.InternalServerError, match=r"vertex: .*a Python package that is not installed.*google"
        ):
            ask(client, "vertex", stream=stream)
    assert not plain.seen


def test_litellms_lines_hold_no_body_and_no_key(
    client: openai.OpenAI, plain: FakeUpstream, litellm_gateway: LitellmGateway
) -> None:
    plain.script = {"kind": "html", "status": 500}
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(
                model="llama", messages=[{"role": "user", "content": "canary-0815"}], stream=stream
            )
    plain.script = {"kind": "json"}
    said = litellm_gateway.output.read_text()
    assert "canary" not in said and "LiteLLM" not in said
