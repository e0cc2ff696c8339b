"""A failure says by its status, headers and words whether to try again, to ask another server, or neither."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fairtrial.domain.plan import Deployment
from gateway.proxy.plan.routing_table import Arm, Endpoint, Health
from gateway.proxy.stages import Attempt
from gateway.proxy.upstream.call import StartedResponse
from gateway.proxy.upstream.failover import FailedCall, of_response, wait_of
from gateway.proxy.upstream.hold import HeldAnswer
from gateway.proxy.wire.http import Headers

DEPLOYMENT = Deployment("d", "openai", "m-1", "http://x/v1")
ARM = Arm(None, Endpoint(DEPLOYMENT, None, None, msgspec.Raw(b'"m-1"'), Health(DEPLOYMENT)))
TOO_LONG = {
    "OpenAI": {"code": "context_length_exceeded", "message": "This model's maximum context length is 8192 tokens."},
    "vLLM": {"code": 400, "message": "The decoder prompt (length 9000) is longer than the maximum model length, or "
             "This model's maximum context length is 4096 tokens"},
    "llama.cpp": {"type": "exceed_context_size_error", "message": "the request exceeds the available context size"},
    "Anthropic": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
}  # fmt: skip


async def failed(status: int, body: Any, **headers: str) -> FailedCall | None:
    raw = json.dumps(body).encode() if not isinstance(body, bytes) else body
    fields = {"content-type": b"application/json", "content-length": b"%d" % len(raw)}
    fields |= {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    attempt = Attempt(0, "live", ARM, 1, 0, 0.0, status=status)
    response = StartedResponse(HeldAnswer(status, Headers(fields)), raw, attempt, False, False)
    return (await of_response(response, started=0.0))[1]


@pytest.mark.parametrize("error", TOO_LONG.values(), ids=TOO_LONG)
async def test_a_prompt_that_is_too_long_is_one_for_another_model(error: dict[str, Any]) -> None:
    failure = await failed(400, {"error": error})
    assert failure is not None and failure.cause == "context_length"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "content_filter", "message": "The response was filtered by the content policy."}),
        (400, {"code": "unknown_parameter", "message": "Unknown parameter: 'x'."}),
        (401, {"code": "invalid_api_key", "message": "Incorrect API key."}),
        (404, {"code": "model_not_found", "message": "No such model."}),
        (422, {"message": "messages: too short"}),
    ],
)
async def test_what_fails_everywhere_is_left_as_it_came(status: int, error: dict[str, Any]) -> None:
    assert await failed(status, {"error": error}) is None


async def test_too_many_requests_may_be_tried_again_and_a_used_up_quota_may_not() -> None:
    busy = await failed(429, {"error": {"code": "rate_limit_exceeded"}}, retry_after="3")
    spent = await failed(429, {"error": {"type": "insufficient_quota", "code": "insufficient_quota"}})
    assert busy is not None and (busy.cause, busy.wait, busy.retryable) == ("429", 3.0, True)
    assert spent is not None and (spent.cause, spent.wait, spent.retryable) == ("429", None, False)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
async def test_errors_of_the_server_are_failures(status: int) -> None:
    failure = await failed(status, b"<html>")
    assert failure is not None and failure.cause == str(status)


@pytest.mark.parametrize(
    ("body", "is_failure"),
    [
        ({"error": {"message": "overloaded"}}, True),
        ({"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "error"}]}, True),
        ({"choices": [{"index": 0, "message": {"content": 'say "error"'}, "finish_reason": "stop"}]}, False),
        ({"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}], "error": None}, False),
    ],
)
async def test_an_error_inside_a_200_is_a_failure(body: dict[str, Any], is_failure: bool) -> None:
    failure = await failed(200, body)
    assert (failure is not None and failure.cause == "error_in_answer") is is_failure


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after-ms": b"1500", "retry-after": b"9"}, b"", 1.5),
        ({"retry-after": b"2.5"}, b"", 2.5),
        ({"retry-after": b"Wed, 21 Oct 2015 07:28:00 GMT"}, b"", None),
        ({"retry-after": b"nan"}, b"", None),
        ({"retry-after": b"-1"}, b"", None),
        ({}, b'{"error": {"details": [{"@type": "x.RetryInfo", "retryDelay": "34.074824224s"}]}}', 34.074824224),
        ({}, b"", None),
    ],
)
def test_the_wait_is_what_the_provider_asked_for(headers: dict[str, bytes], body: bytes, seconds: float | None) -> None:
    assert wait_of(Headers(headers), body) == seconds
