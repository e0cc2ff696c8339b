"""The official client against a provider with a protocol of its own: answers, streams, tools, arms, the record."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from fairtrial.domain.money.tokens import Tokens
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig
from tests.fixtures.gateway.litellm_fixture import (  # noqa: F401 - fixtures
    KEY,
    USER,
    ask,
    base_fixture,
    claude_fixture,
    claude_server_fixture,
    client_fixture,
    lane_fixture,
    lane_plan,
)
from tests.fixtures.gateway.scripted_answers import recorded
from tests.fixtures.upstream.providers.anthropic import FakeAnthropic
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

TOOL: Any = {
    "type": "function",
    "function": {"name": "lookup", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}}},
}


def test_a_chat_is_translated_both_ways_and_recorded(client: openai.OpenAI, claude: FakeAnthropic, lane: Rig) -> None:
    lane.forget()
    system: Any = {"role": "system", "content": "Short."}
    answer = ask(client, messages=[system, *USER], max_completion_tokens=9, stop=["x"], user="u-1", store=True)
    assert answer.object == "chat.completion" and answer.choices[0].message.content == "Hello"
    assert answer.choices[0].finish_reason == "stop" and answer.usage.total_tokens == 16
    assert set(answer.model_extra or {}) <= {"service_tier"} and answer.usage.model_extra == {}
    seen = claude.seen[-1]
    assert (seen.path, seen.header("x-api-key"), seen.json["max_tokens"]) == ("/v1/messages", KEY, 9)
    assert "u-1" not in seen.body.decode() and seen.json["stop_sequences"] == ["x"]
    [event] = lane.await_events("request", 1)
    assert (event["tokens_in"], event["tokens_out"], event["usage_source"]) == (11, 5, "provider")
    assert (event["cost_usd"], event["model_served"]) == ("0.000072", "claude-sonnet-4-5-20260101")
    [attempt] = lane.events("attempt")
    assert (attempt["deployment"], attempt["status"], attempt["purpose"]) == ("cloud", 200, "live")


def test_a_stream_is_openais_and_counts_only_for_who_asked(
    client: openai.OpenAI, claude: FakeAnthropic, lane: Rig
) -> None:
    lane.forget()
    with client.chat.completions.with_streaming_response.create(model="claude", messages=USER, stream=True) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        events = [line[6:] for line in raw.iter_lines() if line]
    assert events[-1] == "[DONE]" and events.count("[DONE]") == 1
    chunks = [json.loads(event) for event in events[:-1]]
    assert len({(chunk["id"], chunk["created"], chunk["object"]) for chunk in chunks}) == 1
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "Hello you there"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]
    assert all(chunk["usage"] is None for chunk in chunks)
    [event] = lane.await_events("request", 1)
    assert (event["tokens_in"], event["tokens_out"], event["outcome"]) == (11, 5, "ok")
    asked = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert asked[-1].choices == [] and asked[-1].usage.completion_tokens == 5


def test_tokens_by_kind_their_cost_and_the_providers_id_are_recorded(
    client: openai.OpenAI, claude: FakeAnthropic, lane: Rig
) -> None:
    lane.forget()
    created = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 40}
    usage = {
        "input_tokens": 40,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 60,
        "output_tokens": 100,
    }
    claude.script = {"usage": usage | {"cache_creation": created}, "headers": {"request-id": "req_011"}}
    ask(client)
    assert list(ask(client, stream=True))
    claude.script = {"kind": "json"}
    for event in lane.await_events("request", 2):
        (attempt,) = recorded(lane, event["request_id"]).attempts
        tokens = Tokens(input=1000, cached=900, cache_write=60, cache_write_1h=40, output=100, reasoning=0)
        assert (attempt.tokens, attempt.provider_request_id) == (tokens, "req_011")
        assert (attempt.cost_usd, attempt.cost_basis) == ("0.003", "full_price"), "the plan has no price of caches"


def test_the_first_chunk_leaves_when_it_comes(client: openai.OpenAI, claude: FakeAnthropic) -> None:
    claude.script = {"kind": "json", "then": "stall"}
    stream = ask(client, stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(3)] == ["Hello", " you", " there"]
    stream.close()
    assert claude.seen[-1].gone.wait(PATIENCE)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_providers_work(
    client: openai.OpenAI, claude: FakeAnthropic, lane: Rig, stream: bool
) -> None:
    lane.forget()
    claude.script = {"kind": "stall"}
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.7), stream=stream)
    assert claude.seen[-1].gone.wait(PATIENCE)
    [event] = lane.await_events("request", 1)
    assert (event["outcome"], event["status"]) == ("cancelled", 499)


def test_tools_go_up_and_calls_come_back(client: openai.OpenAI, claude: FakeAnthropic) -> None:
    claude.script = {"kind": "json", "tool": True}
    answer = ask(client, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "lookup"}})
    [call] = answer.choices[0].message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == (
        "toolu_1",
        "lookup",
        {"order": "LM-1"},
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    assert claude.seen[-1].json["tools"][0]["name"] == "lookup"
    history = [
        *USER,
        answer.choices[0].message.model_dump(),
        {"role": "tool", "tool_call_id": call.id, "content": "ok"},
    ]
    claude.script = {"kind": "json"}
    assert ask(client, messages=history, tools=[TOOL]).choices[0].message.content == "Hello"
    blocks = [block["type"] for message in claude.seen[-1].json["messages"] for block in message["content"]]
    assert blocks == ["text", "text", "tool_use", "tool_result"]


def test_a_streamed_call_is_opened_once(client: openai.OpenAI, claude: FakeAnthropic) -> None:
    claude.script = {"kind": "json", "tool": True}
    with client.chat.completions.stream(model="claude", messages=USER, tools=[TOOL]) as stream:
        deltas = [
            call.model_dump(exclude_unset=True)
            for event in stream
            if event.type == "chunk" and event.chunk.choices
            for call in event.chunk.choices[0].delta.tool_calls or ()
        ]
        whole = stream.get_final_completion().choices[0].message
    assert [("id" in delta, "name" in delta["function"]) for delta in deltas] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert whole.tool_calls is not None
    assert whole.tool_calls[0].function.arguments == '{"order": "LM-1"}'


def test_thoughts_come_back_and_can_be_sent_again(client: openai.OpenAI, claude: FakeAnthropic) -> None:
    claude.script = {"kind": "json", "thinking": "Hm."}
    message = ask(client).choices[0].message.model_dump()
    assert message["reasoning_content"] == "Hm." and message["thinking_blocks"][0]["signature"] == "sig"
    ask(client, messages=[*USER, message, *USER])
    assert claude.seen[-1].json["messages"][1]["content"][0]["signature"] == "sig"


def test_an_arms_overrides_are_translated_too(client: openai.OpenAI, claude: FakeAnthropic, lane: Rig) -> None:
    lane.forget()
    for number in range(12):
        ask(client, model="bot", user=f"u{number}", messages=[{"role": "system", "content": "Old."}, *USER])
    exposures = lane.await_events("exposure", 12)
    assert {event["served"] for event in exposures} == {"base", "tuned"}
    assert len(claude.seen) == sum(event["served"] == "tuned" for event in exposures)
    seen = claude.seen[-1].json
    assert seen["system"][0]["text"] == "Be kind." and seen["temperature"] == 0.2
    pinned = {"x-fairtrial-variant": "tuned"}
    answer = ask(client, model="bot", extra_headers=pinned, logprobs=True)  # the arm takes this field away
    assert (
        answer.choices[0].message.content == "Hello"
        and lane.await_events("request", 13)[-1]["variant_served"] == "tuned"
    )
    assert lane.events("request")[-1]["experiment"] == EXPERIMENT


@pytest.mark.parametrize("status", [500, 529])
def test_a_provider_that_fails_is_replaced_by_the_fallback(
    client: openai.OpenAI, claude: FakeAnthropic, base: FakeUpstream, lane: Rig, status: int
) -> None:
    lane.forget()
    claude.script = {"kind": "error", "status": status}
    assert ask(client, model="safe").choices[0].message.content == "Hello"
    [event] = lane.await_events("request", 1)
    assert (event["reason"], event["deployment"]) == ("fallback", "base")
    assert [attempt["status"] for attempt in lane.events("attempt")] == [status, 200]


@pytest.mark.parametrize("path", ["/completions", "/embeddings"])
def test_other_endpoints_are_refused_in_words(client: openai.OpenAI, claude: FakeAnthropic, path: str) -> None:
    with pytest.raises(openai.BadRequestError, match=r"cloud is reached by translation, which serves only /chat/comp"):
        client.post(path, body={"model": "claude", "prompt": "x", "input": "x"}, cast_to=object)
    assert not claude.seen
