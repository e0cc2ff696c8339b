"""The official client, unchanged but for its base URL: chat, streams, tools, unknown fields, errors, models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, called_once, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream

USER = [{"role": "user", "content": "Hello?"}]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def rig(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("proxy")) as found:
        found.publish(called_once(plan_for(upstream.url)))
        yield found


@pytest.fixture
def client(rig: Rig) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=rig.url, api_key="any", max_retries=0) as found:
        yield found


def _ask(client: openai.OpenAI, fake: dict[str, Any] | None = None, **fields: Any) -> Any:
    body = {"fake": fake} if fake else {}
    asked = {"model": "base-direct", "messages": USER, **fields}
    return client.chat.completions.create(**asked, extra_body={**body, **fields.pop("extra_body", {})})


def test_a_chat_is_answered_and_names_its_request(client: openai.OpenAI, rig: Rig) -> None:
    answer = _ask(client)
    assert answer.choices[0].message.content == "Hello"
    assert any(event["request_id"] == answer._request_id for event in rig.events("request"))


async def test_the_asynchronous_client_streams_too(rig: Rig) -> None:
    async with openai.AsyncOpenAI(base_url=rig.url, api_key="any") as client:
        stream = await client.chat.completions.create(model="bot", messages=USER, user="u", stream=True)  # type: ignore[call-overload]
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "w0 w1 w2 "


def test_a_stream_has_no_usage_that_was_not_asked_for_but_is_metered(client: openai.OpenAI, rig: Rig) -> None:
    chunks = list(_ask(client, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    event = rig.events("request")[-1]
    assert (event["tokens_in"], event["tokens_out"], event["usage_source"]) == (7, 4, "provider")
    assert (event["outcome"], event["stream"], event["finish_reason"]) == ("ok", True, "stop")


def test_a_stream_has_the_usage_that_was_asked_for(client: openai.OpenAI) -> None:
    chunks = list(_ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 4


def test_a_stream_whose_upstream_never_counts_has_unknown_tokens(client: openai.OpenAI, rig: Rig) -> None:
    list(_ask(client, {"kind": "stream", "usage": "never"}, stream=True))
    event = rig.events("request")[-1]
    assert (event["tokens_in"], event["usage_source"], event["cost_usd"]) == (None, "none", None)


def test_tools_pass_both_ways_untouched(client: openai.OpenAI, upstream: FakeUpstream) -> None:
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": {"type": "object"}}}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{ "x":  1.0,"é": "\\u00e9" '}}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    answer = _ask(
        client, {"answer": {"choices": [choice]}}, tools=[tool], tool_choice="required", parallel_tool_calls=False
    )
    assert answer.choices[0].message.tool_calls[0].function.arguments == call["function"]["arguments"]
    seen = upstream.seen[-1].json
    assert (seen["tools"], seen["tool_choice"], seen["parallel_tool_calls"]) == ([tool], "required", False)


def test_unknown_fields_pass_both_ways_byte_for_byte(rig: Rig, upstream: FakeUpstream) -> None:
    head, tail = (
        b'{"model":"base-direct","messages":[],',
        rb'"x":{ "b":1.50 , "a":null},"big":12345678901234567890123,"s":"\ud83d"}',
    )
    answer = httpx.post(
        f"{rig.url}/chat/completions", content=head + tail, headers={"content-type": "application/json"}
    )
    assert upstream.seen[-1].body == head.replace(b"base-direct", b"base-model") + tail
    answer = httpx.post(
        f"{rig.url}/chat/completions",
        json={"model": "base-direct", "fake": {"whole": {"a": None, "n": 1.0, "reasoning_content": "ü", "id": "x"}}},
    )
    assert answer.content == json.dumps({"a": None, "n": 1.0, "reasoning_content": "ü", "id": "x"}).encode()


def test_headers_of_the_upstream_reach_the_client_and_ours_do_not_reach_it(
    client: openai.OpenAI, upstream: FakeUpstream
) -> None:
    fake = {
        "headers": {
            "x-ratelimit-limit-requests": "9",
            "retry-after-ms": "5",
            "openai-processing-ms": "3",
            "set-cookie": "a=b",
        }
    }
    raw = client.chat.completions.with_raw_response.create(
        model="base-direct",
        messages=USER,  # type: ignore[arg-type]
        extra_body={"fake": fake},
        extra_headers={"x-fairtrial-tags": "team=a", "x-custom": "kept", "cookie": "c=d"},
    )
    assert [raw.headers.get(name) for name in fake["headers"]] == ["9", "5", "3", None]
    seen = upstream.seen[-1]
    assert seen.header("x-custom") == "kept"
    assert [seen.header(name) for name in ("x-fairtrial-tags", "authorization", "cookie")] == [None, None, None]
    assert seen.header("accept-encoding") == "identity"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (418, openai.APIStatusError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (503, openai.InternalServerError),
    ],
)
def test_an_error_of_the_upstream_arrives_as_it_was(client: openai.OpenAI, rig: Rig, status: int, kind: type) -> None:
    error = {"message": "so it is", "type": "t", "param": "p", "code": "c", "more": 1}
    with pytest.raises(kind) as caught:
        _ask(client, {"kind": "json", "status": status, "whole": {"error": error}})
    assert (caught.value.status_code, caught.value.body) == (status, error)
    event = rig.events("request")[-1]
    assert (event["status"], event["outcome"], event["error_type"], event["error_code"]) == (status, "error", "t", "c")
    assert caught.value.request_id == event["request_id"]


def test_an_html_error_page_becomes_an_envelope_with_its_status(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        _ask(client, {"kind": "html", "status": 502})
    assert (caught.value.status_code, caught.value.type) == (502, "upstream_error")


@pytest.mark.parametrize("text", ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"])
def test_an_upstream_that_speaks_no_http_becomes_a_502(client: openai.OpenAI, rig: Rig, text: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        _ask(client, {"kind": "raw", "text": text})
    assert caught.value.status_code == 502
    assert rig.events("attempt")[-1]["error_type"] == "upstream_error"


@pytest.mark.parametrize("then", ["reset"])
def test_a_stream_that_breaks_off_is_an_error_and_recorded_as_partial(
    client: openai.OpenAI, rig: Rig, then: str
) -> None:
    stream = _ask(client, {"kind": "stream", "then": then, "done": False, "finish": False}, stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(4)] == ["", "w0 ", "w1 ", "w2 "]
    with pytest.raises(openai.APIError) as caught:
        next(stream)
    assert caught.value.code == "upstream_reset"
    event = rig.events("request")[-1]
    assert (event["status"], event["outcome"], event["error_code"]) == (200, "partial", "upstream_reset")


@pytest.mark.parametrize("size", [1, 7])
def test_unicode_split_anywhere_arrives_whole(client: openai.OpenAI, size: int) -> None:
    text = "😀 שלום \u0000 ü"
    event = "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}, ensure_ascii=False)
    fake = {"kind": "stream", "events": [event + "\r\n\r\n", "data: [DONE]\n\n"], "bytes_each": size}
    assert [chunk.choices[0].delta.content for chunk in _ask(client, fake, stream=True)] == [text]


def test_models_are_the_routes_and_an_unknown_one_says_what_is_known(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["base-direct", "bot"]
    assert client.models.retrieve("bot").id == "bot"
    with pytest.raises(openai.NotFoundError, match="base-direct, bot"):
        client.models.retrieve("a/b:c")
    with pytest.raises(openai.NotFoundError) as caught:
        _ask(client, model="nothing")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_embeddings_pass(client: openai.OpenAI, upstream: FakeUpstream) -> None:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}]
    answer = client.embeddings.create(
        model="base-direct", input="x", encoding_format="float", extra_body={"fake": {"answer": {"data": data}}}
    )
    assert answer.data[0].embedding == [0.5, 1.0]
    assert upstream.seen[-1].path == "/v1/embeddings"


def test_keys_are_needed_once_there_are_any(upstream: FakeUpstream, tmp_path: Path) -> None:
    keys = [
        key("ft-full", "complete", "feedback", "pin", "see_variant"),
        key("ft-plain", "complete"),
        key("ft-narrow", "complete", routes=("base-direct",)),
        key("ft-old", "complete", expires_us=1),
    ]
    with running(tmp_path) as rig:
        rig.publish(plan_for(upstream.url), *keys)

        def ask(secret: str, model: str = "bot", **headers: str) -> httpx.Response:
            with openai.OpenAI(base_url=rig.url, api_key=secret, max_retries=0) as client:
                made = client.chat.completions.with_raw_response.create(
                    model=model,
                    messages=USER,
                    user="u",
                    extra_headers=headers,  # type: ignore[arg-type]
                )
                return made.http_response  # type: ignore[return-value]

        messages = set()
        for wrong in ("ft-nothing", "ft-old"):
            with pytest.raises(openai.AuthenticationError) as caught:
                ask(wrong)
            messages.add(str(caught.value))
            assert caught.value.request_id
        assert len(messages) == 1
        assert "x-fairtrial-variant" in ask("ft-full").headers
        assert "x-fairtrial-variant" not in ask("ft-plain").headers
        assert ask("ft-full", **{"x-fairtrial-variant": "tuned"}).headers["x-fairtrial-variant"] == "tuned"
        assert ask("ft-full", "anything", **{"x-fairtrial-deployment": "tuned"}).status_code == 200
        with pytest.raises(openai.PermissionDeniedError):
            ask("ft-plain", **{"x-fairtrial-variant": "tuned"})
        with pytest.raises(openai.PermissionDeniedError):
            ask("ft-narrow")
        with openai.OpenAI(base_url=rig.url, api_key="ft-narrow") as client:
            assert [model.id for model in client.models.list()] == ["base-direct"]
        reasons = [event["reason"] for event in rig.events("request")]
        assert reasons == ["assigned", "assigned", "forced", "forced", "excluded", "excluded"]
        assert len(rig.events("exposure")) == 2
        assert {event["key_id"] for event in rig.events("request")} == {"id-full", "id-plain", "id-narrow"}
        assert b"ft-" not in b"".join(path.read_bytes() for path in rig.layout.journal.iterdir())
