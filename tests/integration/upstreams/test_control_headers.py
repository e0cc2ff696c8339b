"""Headers by which a caller could steer a gateway behind this one stay here, unless the deployment lists them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, deployment, key, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

STEERING = (
    "x-portkey-config", "x-portkey-api-key", "x-portkey-custom-host", "x-portkey-provider", "x-api-base", "x-api-key",
    "api-key", "x-goog-api-key", "helicone-auth", "helicone-target-url", "cf-aig-authorization", "cf-aig-custom-cost",
    "cf-access-client-secret", "x-litellm-api-key", "litellm-model", "x-llm-provider", "anthropic-api-key",
    "x-anthropic-api-key", "x-amz-security-token", "x-amz-target", "x-bf-vk", "x-envoy-original-path", "x-auth-token",
    "x-openai-api-key", "x-target-url", "x-upstream-url", "x-base-url", "x-gateway-destination-endpoint", "apikey",
    "x-prefiller-host-port", "x-smg-target-worker", "tensorzero-api-key", "x-access-token", "x-virtual-key",
    "x-forwarded-host", "x-original-uri", "x-http-method", "x-fairtrial-variant-not", "ocp-apim-subscription-key",
    "baggage", "tracestate", "traceparent",
)  # fmt: skip
SECRET = "ft-of-the-caller"
"""An open gateway refuses `x-forwarded-host` before it forwards anything; a caller with a key may send it."""
HARMLESS = ("x-vendor", "openai-beta", "idempotency-key", "x-stainless-lang", "x-session-id", "x-title")


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Rig]:
    """The base forwards nothing; the tuned model is behind a gateway, and its callers may choose its configuration."""
    listed = ("x-portkey-config", "x-goog-api-key")
    deployments = {
        "base": deployment("base", upstream.url, api_key="sk-of-the-base"),
        "tuned": deployment("tuned", upstream.url, forward_headers=listed),
    }
    with running(tmp_path_factory.mktemp("steering"), others="base") as rig:
        rig.publish(plan_for(upstream.url, deployments=deployments), key(SECRET, "complete", "pin"))
        yield rig


def sent(rig: Rig, upstream: FakeUpstream, path: str = "/chat/completions", **headers: str) -> dict[str, str]:
    """The headers that the upstream got of these and of all that a caller tries."""
    tried = dict.fromkeys((*STEERING, *HARMLESS), "of-the-caller")
    method = "POST" if "completions" in path or path == "/responses" else "GET"
    body = {**DIRECT, "input": "x"} if method == "POST" else None
    headers = {**tried, "authorization": f"Bearer {SECRET}", **headers}
    answer = httpx.request(method, rig.url + path, json=body, headers=headers, timeout=PATIENCE)
    assert answer.status_code in (200, 404), answer.text
    return {name.lower(): value for name, value in upstream.seen[-1].headers}


@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/files", "/responses/resp_1"])
def test_they_stay_here_on_every_way_up(rig: Rig, upstream: FakeUpstream, path: str) -> None:
    pinned = {"x-fairtrial-deployment": "base"} if path in ("/chat/completions", "/responses") else {}
    found = sent(rig, upstream, path, **pinned)
    assert not set(STEERING) & set(found)
    assert {found[name] for name in HARMLESS} == {"of-the-caller"}


def test_a_deployment_gets_those_that_it_lists(rig: Rig, upstream: FakeUpstream) -> None:
    found = sent(rig, upstream, **{"x-fairtrial-deployment": "tuned"})
    assert set(STEERING) & set(found) == {"x-portkey-config", "x-goog-api-key"}
    assert found["x-portkey-config"] == "of-the-caller"
    hop = {"x-fairtrial-deployment": "tuned", "connection": "keep-alive, x-portkey-config"}
    assert "x-portkey-config" not in sent(rig, upstream, **hop)


def test_a_trace_goes_up_if_it_is_valid(rig: Rig, upstream: FakeUpstream) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    for valid in (f"00-{trace}-{span}-01", f"cc-{trace}-{span}-00-more"):
        assert sent(rig, upstream, traceparent=valid)["traceparent"] == valid
    for invalid in (f"00-{'0' * 32}-{span}-01", f"00-{trace}-{span}-01, 00-{trace}-{span}-01", "a-secret", ""):
        assert "traceparent" not in sent(rig, upstream, traceparent=invalid)
