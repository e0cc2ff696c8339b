"""A request's body is parsed once and changed only where an arm says so."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.plan import Deployment
from gateway.proxy.extraction.chat_metadata import answer_metadata
from gateway.proxy.plan.routing_table import Arm, Endpoint, Health
from gateway.proxy.recording.capture import read_tags
from gateway.proxy.recording.redaction import redact_json
from gateway.proxy.upstream.request_rewrite import steers_a_gateway, upstream_body
from gateway.proxy.wire.json_bodies import parse_body
from tests.fixtures.for_each import for_each

DEPLOYMENT = Deployment("d", "openai", "m-1", "http://x/v1")
ENDPOINT = Endpoint(DEPLOYMENT, None, None, msgspec.Raw(b'"m-1"'), Health(DEPLOYMENT))


def _up(body: bytes, *, arm: Arm | None = None, meter: bool = False) -> bytes:
    return upstream_body(parse_body(body), arm or Arm(None, ENDPOINT), meter=meter)


STEERING = (
    "cf-aig-cache-ttl helicone-target-url langfuse-trace-id langsmith-trace litellm-model x-ai-eg-model x-amz-target "
    "x-amzn-trace-id x-apisix-upstream x-bf-vk x-bt-parent x-data-parallel-rank x-dynamo-request x-envoy-retry-on "
    "x-gateway-destination-endpoint x-goog-user-project x-kong-request-id x-litellm-tags x-llm-provider x-ms-client "
    "x-portkey-config x-prefiller-host-port x-requesty-id x-smg-target-worker x-tensorzero-episode x-tfy-metadata "
    "x-vercel-id x-vsr-model tensorzero-episode databricks-token x-databricks-org fly-prefer-region x-upstream-url "
    "x-target-url x-api-base anthropic-api-key x-client-ip"
)


def test_headers_for_another_gateway_stay_and_those_of_the_model_s_server_go_up() -> None:
    assert [name for name in STEERING.split() if not steers_a_gateway(name)] == []
    harmless = ("accept", "openai-beta", "idempotency-key", "x-stainless-lang", "x-session-id", "x-title", "x-vendor")
    assert [name for name in harmless if steers_a_gateway(name)] == []


def test_unknown_fields_go_up_byte_for_byte() -> None:
    rest = rb'"x":1e400,"big":123456789012345678901234567890,"s":"\ud83d \u0000","n":null,"o":{ "a" :1.0 ,"a":2}'
    assert _up(b'{"model":"r",' + rest + b"}") == b'{"model":"m-1",' + rest + b"}"


def test_a_lone_surrogate_passes_in_messages_too_and_can_be_recorded() -> None:
    arm = Arm("t", ENDPOINT, system_prompt="Be kind.")
    user = rb'{"role":"user","content":"\ud83d a@b.io"}'
    up = _up(b'{"model":"r", "messages" : [' + user + b" , " + user + b' ], "x":[]}', arm=arm)
    assert up.startswith(
        b'{"model":"m-1","messages":[{"role":"system","content":"Be kind."},' + user + b"," + user + b"]"
    )
    assert json.loads(redact_json(user))["content"] == "\ud83d [email]"
    assert answer_metadata(rb'{"id":"c","choices":[{"message":{"content":"\ud83d"}}]}').response_id == "c"


def test_of_a_repeated_model_the_last_one_counts_and_goes_up_once() -> None:
    assert parse_body(b'{"model":"a","model":"b"}').model == "b"
    assert _up(b'{"model":"a","model":"b"}') == b'{"model":"m-1"}'


def test_a_system_prompt_takes_the_place_of_a_leading_one_and_keeps_its_role() -> None:
    arm = Arm("t", ENDPOINT, system_prompt="Be kind.")
    body = b'{"model":"r","messages":[{"role":"developer","content":"old"},{"role":"user","content":"q" }]}'
    assert b'[{"role":"developer","content":"Be kind."},{"role":"user","content":"q" }]' in _up(body, arm=arm)


def test_a_system_prompt_goes_first_where_there_is_none() -> None:
    arm = Arm("t", ENDPOINT, system_prompt="Be kind.")
    raw = _up(b'{"model":"r","messages":[{"role":"user","content":"q"}]}', arm=arm)
    assert b'[{"role":"system","content":"Be kind."},{"role":"user","content":"q"}]' in raw


@pytest.mark.parametrize("messages", [b"", b',"messages":3', b',"messages":[3]'])
def test_a_system_prompt_without_messages_is_a_clear_error(messages: bytes) -> None:
    with pytest.raises(BadRequest, match="messages"):
        _up(b'{"model":"r"' + messages + b"}", arm=Arm("t", ENDPOINT, system_prompt="x"))


def test_parameters_of_an_arm_replace_the_callers() -> None:
    arm = Arm("t", ENDPOINT, params={"temperature": msgspec.Raw(b"0.2")})
    assert _up(b'{"model":"r","temperature":1}', arm=arm) == b'{"model":"m-1","temperature":0.2}'


def test_metering_keeps_the_callers_other_stream_options() -> None:
    body = b'{"model":"r","stream_options":{"include_obfuscation":false}}'
    assert b'{"include_obfuscation":false,"include_usage":true}' in _up(body, meter=True)
    assert b'"stream_options":{"include_usage":true}' in _up(b'{"model":"r"}', meter=True)


@for_each("body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"model":3}', b'{"model":""}', b"\xff", b'{"a":"\xff"}'])
def test_an_invalid_request_is_a_clear_error(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_body(body)


def test_nesting_without_end_is_a_clear_error() -> None:
    with pytest.raises(BadRequest, match="nested"):
        parse_body(b'{"model":"r","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}")


def test_an_answer_of_another_shape_gives_unknowns() -> None:
    for body in (b"", b"[]", b"nonsense", b'{"usage":"much"}', b'{"choices":[1]}'):
        read = answer_metadata(body)
        assert (read.tokens, read.usage_source, read.refused) == (None, "none", None)


def test_an_error_in_an_answer_is_seen_and_its_code_is_text() -> None:
    read = answer_metadata(b'{"error":{"type":"rate_limit","code":429}}')
    assert (read.error_type, read.error_code) == ("rate_limit", "429")


def test_tags_are_read_and_redacted() -> None:
    headers = {"x-fairtrial-tags": "team=search, release = 7 ,broken,by=a@b.io"}
    assert read_tags(headers, "redacted") == {"team": "search", "release": "7", "by": "[email]"}


def test_a_variant_s_parameters_come_before_its_deployment_s_and_these_before_the_request_s() -> None:
    given = {"temperature": None, "max_tokens": None, "max_completion_tokens": 300, "top_p": 0.5, "model": "x"}
    cleared = replace(DEPLOYMENT, params=given)
    endpoint = Endpoint(cleared, None, None, msgspec.Raw(b'"m-1"'), Health(cleared))
    body = b'{"model":"r","messages":[],"temperature":1.50,"max_tokens":9,"top_p":1,"seed":7,"n":null}'
    kept = {"model": "m-1", "messages": [], "seed": 7, "n": None, "max_completion_tokens": 300}
    assert json.loads(_up(body, arm=Arm(None, endpoint))) == kept | {"top_p": 0.5}
    arm = Arm("t", endpoint, {"temperature": msgspec.Raw(b"0"), "top_p": None, "seed": None, "max_tokens": None})
    assert json.loads(_up(body, arm=arm)) == {name: value for name, value in kept.items() if name != "seed"} | {
        "temperature": 0
    }
