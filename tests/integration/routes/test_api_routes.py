"""Models as OpenAI lists them, and OpenAI's envelope and request id for whatever isn't there."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import openai
import pytest

from fairtrial.domain.plan import Route
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream

NAMES = ("acme/support:v7", "bot", "base-direct", "team a/ü")


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("cold")) as rig:
        plan = plan_for(
            upstream.url,
            deployments={
                "base": deployment("base", upstream.url, shutdown_date="2028-01-31"),
                "tuned": deployment("tuned", upstream.url, shutdown_date="2027-06-30"),
                "lasting": deployment("lasting", upstream.url),
            },
            routes={
                "bot": Route("bot", experiment=EXPERIMENT),
                "base-direct": Route("base-direct", deployment="base"),
                "acme/support:v7": Route("acme/support:v7", deployment="tuned"),
                "team a/ü": Route("team a/ü", deployment="lasting"),
            },
        )
        rig.publish(plan, key("ft-all", "complete"), key("ft-bot", "complete", routes=("bot",)))
        yield rig


@pytest.fixture(name="client")
def client_fixture(rig: Rig) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=rig.url, api_key="ft-all", max_retries=0) as found:
        yield found


def test_b18_models_are_the_routes_with_the_day_on_which_they_end(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert set(listed) == set(NAMES)
    ends = {name: (model.model_extra or {}).get("shutdown_date") for name, model in listed.items()}
    ends |= {name: getattr(model, "shutdown_date", ends[name]) for name, model in listed.items()}
    assert ends == {"bot": "2027-06-30", "base-direct": "2028-01-31", "acme/support:v7": "2027-06-30", "team a/ü": None}
    assert all(time.time() - 3600 < model.created <= time.time() for model in listed.values())
    assert {model.owned_by for model in listed.values()} == {"fairtrial"}


@pytest.mark.parametrize("name", NAMES)
def test_b18_a_model_is_retrieved_by_any_name(client: openai.OpenAI, name: str) -> None:
    assert client.models.retrieve(name).id == name


def test_b18_a_model_of_another_key_is_not_there(rig: Rig) -> None:
    with openai.OpenAI(base_url=rig.url, api_key="ft-bot", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["bot"]
        with pytest.raises(openai.NotFoundError) as told:
            client.models.retrieve("base-direct")
    assert told.value.code == "model_not_found"


@pytest.mark.parametrize("given", ["a", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
def test_b17_embeddings_are_base64_when_asked_and_floats_when_not(client: openai.OpenAI, given: object) -> None:
    by_default = client.embeddings.create(model="base-direct", input=given)  # type: ignore[arg-type]
    floats = client.embeddings.create(model="base-direct", input=given, encoding_format="float")  # type: ignore[arg-type]
    assert by_default.data[0].embedding == floats.data[0].embedding == [0.25, -1.5, 3.0]
    raw = client.embeddings.with_raw_response.create(
        model="base-direct",
        input=given,  # type: ignore[arg-type]
        encoding_format="base64",
        dimensions=5,
    )
    assert isinstance(raw.http_response.json()["data"][0]["embedding"], str)


@pytest.mark.parametrize("prompt", ["a", ["a", "b"], [1, 2], [[1], [2]]])
def test_b19_legacy_completions_go_up_as_they_came(
    client: openai.OpenAI, upstream: FakeUpstream, prompt: object
) -> None:
    client.completions.create(model="base-direct", prompt=prompt, suffix="z", echo=True, best_of=2)  # type: ignore[call-overload]
    sent = upstream.seen[-1].json
    assert (sent["prompt"], sent["suffix"], sent["echo"], sent["best_of"]) == (prompt, "z", True, 2)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/xyz", 404, "unknown_url"),
        ("GET", "/v1/files", 404, "unknown_url"),
        ("GET", "/nothing", 404, "unknown_url"),
        ("GET", "/", 404, "unknown_url"),
        ("GET", "/v1", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/embeddings", 405, "method_not_allowed"),
        ("PUT", "/v1/responses", 405, "method_not_allowed"),
        ("GET", "/v1/feedback", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/livez", 405, "method_not_allowed"),
        ("POST", "/v1/responses/input_tokens", 400, "unsupported_content_type"),
        ("POST", "/v1/responses", 400, "unsupported_content_type"),
    ],
)
def test_a2_a3_an_unknown_path_gets_openais_envelope_with_a_request_id(
    rig: Rig, method: str, path: str, status: int, code: str
) -> None:
    answer = httpx.request(method, rig.root + path, headers={"authorization": "Bearer ft-all"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()) == {"error"} and set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["x-request-id"] and answer.headers["content-type"] == "application/json"
    if code == "unknown_url":
        hint = ". The base_url of this gateway is its address with /v1 behind it" if path in ("/", "/v1") else ""
        assert answer.json()["error"]["message"] == f"Invalid URL ({method} {path}){hint}"


@pytest.mark.parametrize("path", ["/v1/files", "/v1/responses", "/v1/models/none", "/nothing"])
def test_a3_a_head_has_a_request_id_and_no_body(rig: Rig, path: str) -> None:
    answer = httpx.head(rig.root + path, headers={"authorization": "Bearer ft-all"})
    assert answer.headers["x-request-id"] and answer.content == b"" and answer.status_code in (404, 405)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/input_tokens", "/v1/feedback", "/v1/embeddings"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": 1}', b"\xff", b'{"model": "bot"' + b"[" * 100_000])
def test_a2_a_body_that_is_no_request_is_a_400(rig: Rig, path: str, body: bytes) -> None:
    headers = {"authorization": "Bearer ft-all", "content-type": "application/json"}
    answer = httpx.post(rig.root + path, content=body, headers=headers)
    assert answer.status_code in (400, 403, 422) and set(answer.json()) == {"error"}
    assert answer.headers["x-request-id"]


def test_a3_a_body_that_is_too_large_and_a_wrong_key_have_a_request_id(rig: Rig) -> None:
    headers = {"authorization": "Bearer ft-all", "content-type": "application/json"}
    for path in ("/v1/responses", "/v1/responses/input_tokens"):
        answer = httpx.post(rig.root + path, content=b" " * (2**20 + 1), headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert answer.headers["x-request-id"]
    answer = httpx.get(rig.root + "/v1/xyz", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401 and answer.headers["x-request-id"]
