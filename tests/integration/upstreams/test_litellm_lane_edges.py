"""The translated lane where it hurts: errors and their classes, fields that must not pass, broken answers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fairtrial.config.plan.hashes import plan_hash
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
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
from tests.fixtures.upstream.providers.anthropic import FakeAnthropic
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

ERRORS = [
    (400, "invalid_request_error", openai.BadRequestError),
    (401, "authentication_error", openai.AuthenticationError),
    (403, "permission_error", openai.PermissionDeniedError),
    (404, "not_found_error", openai.NotFoundError),
    (413, "request_too_large", openai.APIStatusError),
    (422, "invalid_request_error", openai.UnprocessableEntityError),
    (429, "rate_limit_error", openai.RateLimitError),
    (500, "api_error", openai.InternalServerError),
    (503, "api_error", openai.InternalServerError),
    (529, "overloaded_error", openai.InternalServerError),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "kind", "expected"), ERRORS, ids=[str(status) for status, _, _ in ERRORS])
def test_a_providers_error_keeps_its_status_in_the_envelope(
    client: openai.OpenAI,
    claude: FakeAnthropic,
    status: int,
    kind: str,
    expected: type[openai.APIStatusError],
    stream: bool,
) -> None:
    claude.script = {"kind": "error", "status": status, "type": kind, "headers": {"retry-after": "7"}}
    claude.script["message"] = f"No: {KEY}."
    with pytest.raises(expected) as caught:
        ask(client, stream=stream)
    error = caught.value
    assert error.status_code == status and error.code == kind and len(claude.seen) == 1
    assert set(error.response.json()) == {"error"} and set(error.response.json()["error"]) == {
        "message",
        "type",
        "param",
        "code",
    }
    assert error.body["message"] == "cloud: No: [key]."
    assert error.response.headers["retry-after"] == "7" and error.request_id


@pytest.mark.parametrize("script", [{"kind": "html"}, {"kind": "html", "status": 503}])
def test_an_error_that_is_no_json_is_an_envelope_without_its_text(
    client: openai.OpenAI, claude: FakeAnthropic, script: dict[str, Any]
) -> None:
    claude.script = script
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client)
    status = script.get("status", 502)
    assert (
        caught.value.status_code == status and caught.value.body["message"] == f"cloud: the provider answered {status}"
    )


HELLO = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\nhello"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "text"), [("reset", ""), ("raw", HELLO), ("error", "")])
def test_a_connection_that_fails_is_502_and_not_followed(
    client: openai.OpenAI, claude: FakeAnthropic, kind: str, text: str, stream: bool
) -> None:
    claude.script = {"kind": kind, "text": text, "status": 307, "headers": {"location": f"{claude.url}/elsewhere"}}
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, stream=stream)
    assert caught.value.status_code == 502
    assert not re.search(r"127\.0\.0\.1|Traceback|litellm|sk-", caught.value.response.text)
    assert [seen.path for seen in claude.seen] == ["/v1/messages"]


def test_a_provider_that_is_not_there_or_too_slow_is_reported(
    client: openai.OpenAI, claude: FakeAnthropic, base: FakeUpstream, lane: Rig
) -> None:
    claude.script = {"kind": "stall"}
    try:
        lane.publish(lane_plan("http://127.0.0.1:9", "http://127.0.0.1:9/v1"))
        with pytest.raises(openai.InternalServerError, match="cloud: the provider can't be reached"):
            ask(client)
        slow = lane_plan(claude.url, "http://127.0.0.1:9/v1")
        cloud = slow.deployments["cloud"]
        cloud = replace(cloud, timeouts=replace(cloud.timeouts, first_byte=0.3))
        slow = replace(slow, deployments={**slow.deployments, "cloud": cloud})
        lane.publish(replace(slow, plan_hash=plan_hash(slow)))
        with pytest.raises(openai.InternalServerError, match=r"no answer began within 0\.3 s") as caught:
            ask(client)
        assert caught.value.status_code == 504 and claude.seen[-1].gone.wait(PATIENCE)
    finally:
        lane.publish(lane_plan(claude.url, base.url))


@pytest.mark.parametrize("then", ["reset", "error", "cut"])
def test_a_stream_that_breaks_off_ends_in_an_error_and_never_in_stop(
    client: openai.OpenAI, claude: FakeAnthropic, lane: Rig, then: str
) -> None:
    lane.forget()
    claude.script = {"kind": "json", "then": then}
    seen: list[Any] = []
    with pytest.raises(openai.APIError, match="cloud: the provider"):
        seen.extend(iter(ask(client, stream=True)))
    body = httpx.post(f"{lane.url}/chat/completions", json={"model": "claude", "messages": USER, "stream": True}).text
    assert '"finish_reason":"stop"' not in body and "[DONE]" not in body and body.count('"error"') == 1
    assert [event["outcome"] for event in lane.await_events("request", 2)] == ["partial", "partial"]


def test_a_client_that_leaves_before_the_first_chunk_ends_the_stream(
    client: openai.OpenAI, claude: FakeAnthropic
) -> None:
    claude.script = {"kind": "json", "then": "stall", "until": 1}
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.7), stream=True)
    assert claude.seen[-1].gone.wait(PATIENCE)


def test_half_a_surrogate_pair_is_refused_going_up_and_escaped_coming_down(
    client: openai.OpenAI, claude: FakeAnthropic, lane: Rig
) -> None:
    body = b'{"model":"claude","messages":[{"role":"user","content":"\\ud83d"}],"n":1}'
    answer = httpx.post(f"{lane.url}/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and "surrogate" in answer.json()["error"]["message"] and not claude.seen
    claude.script = {"kind": "json", "text": "a \ud83d b", "words": ["a ", "\ud83d", " b"]}
    for stream in (False, True):
        said = httpx.post(f"{lane.url}/chat/completions", json={"model": "claude", "messages": USER, "stream": stream})
        assert said.status_code == 200 and "\\ud83d" in said.text


HOSTILE: dict[str, Any] = {
    "api_base": "http://127.0.0.1:9",
    "base_url": "http://127.0.0.1:9",
    "api_key": "sk-mine",
    "custom_llm_provider": "openai",
    "fallbacks": [{"model": "openai/x", "api_base": "http://127.0.0.1:9"}],
    "mock_response": "pwned",
    "extra_headers": {"x-evil": "1"},
    "headers": {"x-evil": "1"},
    "organization": "o",
    "aws_secret_access_key": "s",
    "vertex_credentials": "/etc/passwd",
    "callbacks": ["langfuse"],
    "success_callback": ["langfuse"],
    "litellm_params": {"api_base": "http://127.0.0.1:9"},
    "model_list": [],
    "num_retries": 9,
    "timeout": 1,
    "cache": {"no-cache": True},
    "extra_body": {"api_base": "http://127.0.0.1:9"},
    "input_cost_per_token": 0,
    "allowed_openai_params": ["logprobs"],
    "drop_params": True,
    "prompt_id": "p",
    "top_k": 5,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_field_that_is_not_on_the_list_is_refused_before_anything_is_sent(
    client: openai.OpenAI, claude: FakeAnthropic, name: str
) -> None:
    with pytest.raises(
        openai.BadRequestError, match=f"^Error code: 400.*{name}: is not sent to this provider"
    ) as caught:
        ask(client, extra_body={name: HOSTILE[name]})
    assert (caught.value.code, caught.value.param) == ("unsupported_field", name)
    assert not claude.seen


def test_nested_fields_are_left_out_or_refused(client: openai.OpenAI, claude: FakeAnthropic) -> None:
    message = {**USER[0], "cache_control": {"type": "x"}, "api_base": "http://127.0.0.1:9", "litellm_params": {}}
    tool = {"type": "function", "api_key": "x", "function": {"name": "f", "parameters": {}, "api_base": "x"}}
    metadata = {"user_api_key": "x", "litellm_params": {"api_base": "http://127.0.0.1:9"}}
    ask(
        client,
        messages=[message],
        tools=[tool],
        metadata=metadata,
        extra_body={"logprobs": False, "n": 1, "seed": None},
    )
    sent = claude.seen[-1].body.decode()
    assert not re.search("api_base|api_key|litellm|cache_control|127", sent)
    assert set(claude.seen[-1].json) == {"model", "messages", "tools", "max_tokens"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"logprobs": True}, "logprobs: cloud (anthropic) does not know this field"),
        ({"tools": [{"type": "mcp", "server_url": "http://127.0.0.1:9"}]}, "tools[0]: is not a function"),
        ({"tool_choice": {"type": "evil"}}, "tool_choice: is neither a word nor a function"),
        ({"response_format": {"type": "x"}}, "response_format: is of type 'x'"),
        ({"messages": []}, "messages: is not a list of messages"),
        ({"messages": ["x"]}, "messages[0]: is not an object"),
        ({"messages": [{"role": "root", "content": "x"}]}, "messages[0].role: is 'root'"),
    ],
)
def test_what_can_not_be_translated_is_refused_in_words(
    client: openai.OpenAI, claude: FakeAnthropic, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, extra_body=fields)
    assert words in caught.value.body["message"] and not claude.seen


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/secret.png", "file:///etc/passwd", "gs://bucket/x"])
def test_an_address_in_a_message_is_never_fetched(client: openai.OpenAI, claude: FakeAnthropic, url: str) -> None:
    for part in (
        {"type": "image_url", "image_url": {"url": url.format(port=claude.port)}},
        {"type": "file", "file": {"file_id": url}},
    ):
        with pytest.raises(openai.BadRequestError, match="is not a data: URL"):
            ask(client, messages=[{"role": "user", "content": [part]}])
    assert not claude.seen


def test_a_picture_itself_is_translated(client: openai.OpenAI, claude: FakeAnthropic) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    ask(client, messages=[{"role": "user", "content": [{"type": "text", "text": "?"}, part]}])
    assert claude.seen[-1].json["messages"][0]["content"][1]["source"]["data"] == "iVBORw0KGgo="


def test_a_worker_without_such_a_deployment_never_imports_litellm(
    base: FakeUpstream, lane: Rig, tmp_path: Path
) -> None:
    def maps(rig: Rig) -> str:
        return Path(f"/proc/{rig.worker_pids()[0]}/maps").read_text()

    with running(tmp_path) as rig:
        rig.publish(plan_for(base.url))
        assert httpx.post(f"{rig.url}/chat/completions", json={"model": "base-direct", "messages": USER}).is_success
        assert "tiktoken" not in maps(rig)
    assert "tiktoken" in maps(lane)
