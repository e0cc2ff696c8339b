"""Each provider's usage, in its own shape, becomes tokens that mean the same everywhere; its own cost goes first."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from fairtrial.domain.events import AttemptRecord, RequestEvent
from fairtrial.domain.money.prices import LaterPrice, Price
from fairtrial.domain.money.tokens import Tokens
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for
from tests.fixtures.gateway.module_gateway import DIRECT, post
from tests.fixtures.gateway.scripted_answers import recorded
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

FLAT = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
SHAPES: dict[str, tuple[dict[str, Any], Tokens]] = {
    "openai": (
        {
            **FLAT,
            "prompt_tokens_details": {"cached_tokens": 800, "audio_tokens": 50},
            "completion_tokens_details": {"reasoning_tokens": 64, "audio_tokens": 20, "rejected_prediction_tokens": 0},
        },
        Tokens(input=1000, cached=800, audio_in=50, output=100, reasoning=64, audio_out=20),
    ),
    "xai": (
        {**FLAT, "total_tokens": 1400, "completion_tokens_details": {"reasoning_tokens": 300}},
        Tokens(input=1000, output=400, reasoning=300),
    ),
    "gemini's OpenAI form": (
        {"prompt_tokens": 860, "completion_tokens": 10, "total_tokens": 1725},
        Tokens(input=860, output=865, reasoning=855),
    ),
    "deepseek": (
        {**FLAT, "prompt_cache_hit_tokens": 960, "prompt_cache_miss_tokens": 40},
        Tokens(input=1000, cached=960, output=100),
    ),
    "mistral": (
        {**FLAT, "prompt_tokens_details": {"cached_tokens": 640}, "prompt_audio_seconds": None},
        Tokens(input=1000, cached=640, output=100),
    ),
    "groq": (
        {**FLAT, "queue_time": 0.05, "completion_tokens_details": {"reasoning_tokens": 30}},
        Tokens(input=1000, output=100, reasoning=30),
    ),
    "together": (FLAT, Tokens(input=1000, output=100)),
    "moonshot": ({**FLAT, "cached_tokens": 512}, Tokens(input=1000, cached=512, output=100)),
    "anthropic's numbers under OpenAI's names": (
        {"prompt_tokens": 40, "completion_tokens": 100, "total_tokens": 140, "cache_read_input_tokens": 960},
        Tokens(input=1000, cached=960, output=100),
    ),
    "anthropic": (
        {
            "input_tokens": 40,
            "cache_read_input_tokens": 900,
            "cache_creation_input_tokens": 60,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 40},
            "output_tokens": 100,
        },
        Tokens(input=1000, cached=900, cache_write=60, cache_write_1h=40, output=100),
    ),
    "gemini": (
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 800,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 90,
        },
        Tokens(input=1000, cached=800, output=100, reasoning=90),
    ),
}
"""The usage that each family of providers reports, and what it means."""


def ask(rig: Rig, script: dict[str, Any], *, stream: bool = False) -> RequestEvent:
    response = post(rig, {**DIRECT, "stream": stream, "fake": script})
    return recorded(rig, response.headers["x-request-id"])


def whole(usage: dict[str, Any], **fields: Any) -> dict[str, Any]:
    headers = {"x-request-id": "req_of_provider"}
    return {"kind": "json", "headers": headers, "answer": {"usage": usage, **fields}}


def streamed(*, last: dict[str, Any], choice: dict[str, Any] | None = None) -> dict[str, Any]:
    """A script for a stream whose last chunk has these fields, also in its choice."""
    text = {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hello"}}]}
    end = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", **(choice or {})}]}
    ends = [{**end, **last}] if choice else [end, {"id": "c", "choices": [], **last}]
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in (text, *ends)]
    return {"kind": "stream", "headers": {"request-id": "req_of_provider"}, "events": [*events, "data: [DONE]\n\n"]}


def checked(event: RequestEvent, tokens: Tokens) -> AttemptRecord:
    (attempt,) = event.attempts
    assert (attempt.tokens, attempt.usage_source) == (tokens, "provider")
    assert (event.finish_reason, attempt.error_type, attempt.provider_request_id) == ("stop", None, "req_of_provider")
    return attempt


@pytest.mark.parametrize("provider", SHAPES)
def test_the_usage_of_an_answer_and_of_a_stream_means_the_same_for_all(rig: Rig, provider: str) -> None:
    usage, tokens = SHAPES[provider]
    checked(ask(rig, whole(usage)), tokens)
    checked(ask(rig, streamed(last={"usage": usage}), stream=True), tokens)


def test_moonshot_and_groq_have_the_usage_of_a_stream_elsewhere(rig: Rig) -> None:
    in_choice = streamed(last={}, choice={"usage": {**FLAT, "cached_tokens": 512}})
    checked(ask(rig, in_choice, stream=True), Tokens(input=1000, cached=512, output=100))
    groq = streamed(last={"x_groq": {"id": "req_1", "usage": FLAT}})
    checked(ask(rig, groq, stream=True), Tokens(input=1000, output=100))


@pytest.mark.parametrize(
    ("usage", "cost", "basis"),
    [
        ({**FLAT, "cost": 0.00014}, "0.00014", "reported"),
        (
            {**FLAT, "cost": 0.00001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.002}},
            "0.00201",
            "reported",
        ),
        ({**FLAT, "cost": {"input_tokens_cost": 0.001, "total_cost": 0.006}}, "0.006", "reported"),
        ({**FLAT, "cost": -1}, "0.003", "priced"),
        (FLAT, "0.003", "priced"),
    ],
)
def test_a_cost_that_the_provider_reports_goes_before_the_price(
    rig: Rig, usage: dict[str, Any], cost: str, basis: str
) -> None:
    for event in (ask(rig, whole(usage)), ask(rig, streamed(last={"usage": usage}), stream=True)):
        assert (event.attempts[0].cost_usd, event.attempts[0].cost_basis) == (cost, basis)


def test_the_service_tier_and_the_day_choose_the_price(rig: Rig, upstream: FakeUpstream) -> None:
    plan = plan_for(upstream.url)
    dear = Price(input=Decimal(4), output=Decimal(20))
    for since, cost, basis in ((0, "0.006", "full_price"), (2**60, "0.003", "full_price")):
        later = (LaterPrice(since_us=since, price=dear),)
        deployments = {name: replace(each, later_prices=later) for name, each in plan.deployments.items()}
        rig.publish(plan_for(upstream.url, deployments=deployments))
        event = ask(rig, whole(FLAT, service_tier="flex"))
        (attempt,) = event.attempts
        assert (attempt.service_tier, attempt.cost_usd, attempt.cost_basis) == ("flex", cost, basis)


def test_a_response_has_its_tier_and_its_reasoning(rig: Rig) -> None:
    usage = {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 5}}
    usage |= {"output_tokens": 100, "output_tokens_details": {"reasoning_tokens": 64}}
    script = {"kind": "json", "answer": {"usage": usage, "service_tier": "priority"}}
    response = post(rig, {"model": "base-direct", "input": "q", "fake": script}, "/responses")
    (attempt,) = recorded(rig, response.headers["x-request-id"]).attempts
    assert attempt.tokens == Tokens(input=1000, cached=800, cache_write=5, output=100, reasoning=64)
    assert (attempt.service_tier, attempt.cost_usd) == ("priority", None), "a surcharge is unknown"


WORDS = "word " * 400


def test_the_tokens_of_a_broken_and_of_a_left_stream_are_estimated_from_earlier_ones(rig: Rig) -> None:
    body = {**DIRECT, "messages": [{"role": "user", "content": "question " * 300}], "stream": True}
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": WORDS}}]}
    usage = {"prompt_tokens": 330, "completion_tokens": 405, "total_tokens": 735}
    finish = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
    counted = [f"data: {json.dumps(one)}\n\n" for one in (chunk, finish)]
    for _ in range(10):
        post(rig, {**body, "fake": {"kind": "stream", "events": [*counted, "data: [DONE]\n\n"]}})
    broken = post(rig, {**body, "fake": {"kind": "stream", "events": counted[:1], "then": "reset"}})
    event = recorded(rig, broken.headers["x-request-id"])
    slow = {**body, "fake": {"kind": "stream", "events": counted[:1], "linger": 30}}
    with httpx.stream("POST", f"{rig.url}/chat/completions", json=slow, timeout=PATIENCE, verify=False) as response:
        next(response.iter_raw())
    left = recorded(rig, response.headers["x-request-id"])
    assert (event.outcome, left.outcome) == ("partial", "cancelled")
    for (attempt,) in (event.attempts, left.attempts):
        assert (attempt.usage_source, attempt.cost_basis) == ("estimated", "estimated")
        assert attempt.tokens is not None and attempt.cost_usd is not None
        assert attempt.tokens.input == pytest.approx(330, rel=0.05)
        assert attempt.tokens.output == pytest.approx(405, rel=0.05)
