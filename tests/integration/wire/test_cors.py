"""Web pages of listed origins may use the gateway, and every answer says so; without the setting none may."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial.domain.limits.server_settings import CorsSettings
from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

APP, OTHER = "https://app.example", "https://evil.example"
ASKED = "authorization,content-type,x-stainless-arch,x-stainless-retry-count,x-fairtrial-unit"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": ASKED}
SECRET = "ft-page"


@pytest.fixture(name="module_upstream", scope="module")
def module_upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory, module_upstream: FakeUpstream) -> Iterator[Rig]:
    """A gateway with keys that lists one origin, and carries one request at a time."""
    with running(tmp_path_factory.mktemp("cors"), others="base", max_in_flight=1, cors=CorsSettings((APP,))) as rig:
        rig.publish(plan_for(module_upstream.url), key(SECRET, "complete", "feedback"))
        yield rig


def ask(rig: Rig, method: str, path: str, origin: str | None = APP, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {SECRET}", **({"origin": origin} if origin else {}), **headers}
    body = DIRECT if method == "POST" else None
    return httpx.request(method, rig.root + path, json=body, headers=sent, timeout=PATIENCE)


def readable(answer: httpx.Response, origin: str = APP) -> bool:
    """Whether a browser shows this answer to a page of the origin, and nothing to be asked with credentials."""
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()
    exposed = answer.headers.get("access-control-expose-headers", "")
    allowed = answer.headers.get("access-control-allow-origin") == origin
    read = ("x-request-id", "retry-after", "x-should-retry", "x-fairtrial-reason")
    assert allowed == all(name in exposed for name in read)
    return allowed


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/feedback", "/v1/files", "/v1/models", "/v1/anything"])
def test_a_preflight_is_answered_without_a_key(rig: Rig, module_upstream: FakeUpstream, path: str) -> None:
    seen = len(module_upstream.seen)
    answer = httpx.options(rig.root + path, headers={"origin": APP, **PREFLIGHT})
    assert (answer.status_code, answer.content) == (204, b"") and readable(answer)
    assert answer.headers["access-control-allow-headers"] == ASKED
    assert {"GET", "POST", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert "Access-Control-Request-Headers" in answer.headers["vary"] and answer.headers["x-request-id"]
    assert len(module_upstream.seen) == seen


@pytest.mark.parametrize("origin", [OTHER, "null", "http://app.example", f"{APP}:443", f"{APP}.evil.example", None])
def test_no_other_origin_is_let_in(rig: Rig, origin: str | None) -> None:
    headers = {**PREFLIGHT, **({"origin": origin} if origin else {})}
    for answer in (
        httpx.options(f"{rig.url}/chat/completions", headers=headers),
        ask(rig, "GET", "/v1/models", origin),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("method", "path", "status", "changes"),
    [
        ("POST", "/v1/chat/completions", 200, {}),
        ("GET", "/v1/models", 200, {}),
        ("GET", "/v1/files", 200, {}),
        ("POST", "/v1/chat/completions", 401, {"authorization": "Bearer wrong"}),
        ("GET", "/v1/models", 401, {"authorization": "Bearer wrong"}),
        ("POST", "/v1/feedback", 422, {}),
        ("POST", "/v1/chat/completions", 400, {"content-type": "text/plain"}),
        ("GET", "/v1/a%2fb", 400, {}),
        ("DELETE", "/v1/models/x", 403, {}),
        ("GET", "/v1/embeddings", 405, {}),
        ("GET", "/v1/responses/..x/y", 404, {}),
    ],
)
def test_every_answer_can_be_read(rig: Rig, method: str, path: str, status: int, changes: dict[str, str]) -> None:
    answer = ask(rig, method, path, **changes)
    assert answer.status_code == status and readable(answer)
    assert answer.headers["x-request-id"]


def test_a_stream_a_broken_upstream_and_a_refusal_can_be_read(rig: Rig, module_upstream: FakeUpstream) -> None:
    def chat(fake: dict[str, object], **fields: object) -> httpx.Response:
        body = {**DIRECT, **fields, "fake": fake}
        headers = {"origin": APP, "authorization": f"Bearer {SECRET}"}
        return httpx.post(f"{rig.url}/chat/completions", json=body, headers=headers, timeout=PATIENCE)

    streamed = chat({"kind": "stream"}, stream=True)
    assert streamed.text.endswith("data: [DONE]\n\n") and readable(streamed)
    broken = chat({"kind": "reset"})
    assert broken.status_code == 502 and broken.headers["x-should-retry"] == "false" and readable(broken)
    own = {"access-control-allow-origin": "*", "access-control-allow-credentials": "true", "vary": "x-thing"}
    assert readable(chat({"kind": "json", "headers": own}))
    module_upstream.seen.clear()
    waiting = threading.Thread(target=lambda: chat({"kind": "json", "delay": 1.0}))
    waiting.start()
    until(lambda: module_upstream.seen)
    refused = ask(rig, "POST", "/v1/chat/completions")
    waiting.join()
    assert refused.status_code == 503 and refused.headers["retry-after"] and readable(refused)


def test_a_head_that_is_refused_before_it_is_read_can_be_read(rig: Rig) -> None:
    with socket.create_connection(("127.0.0.1", rig.supervisor.port), timeout=10) as line:
        many = "".join(f"x-{number}: y\r\n" for number in range(300))
        line.sendall(f"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: {APP}\r\n{many}\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 4") and f"access-control-allow-origin: {APP}\r\n".encode() in answer


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
def test_what_is_not_below_v1_stays_closed(rig: Rig, path: str) -> None:
    assert "access-control-allow-origin" not in ask(rig, "GET", path).headers


def test_it_is_off_by_default(upstream: FakeUpstream, tmp_path: Path) -> None:
    with running(tmp_path, others="base") as rig:
        rig.publish(plan_for(upstream.url))
        preflight = httpx.options(f"{rig.url}/chat/completions", headers={"origin": APP, **PREFLIGHT})
        assert preflight.status_code in (404, 405)
        for answer in (preflight, ask(rig, "GET", "/v1/models")):
            assert "vary" not in answer.headers
            assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_page_that_is_listed_may_use_an_open_gateway_and_no_other(upstream: FakeUpstream, tmp_path: Path) -> None:
    with running(tmp_path, others="base", cors=CorsSettings((APP,))) as rig:
        rig.publish(plan_for(upstream.url))
        site = {"sec-fetch-site": "cross-site"}
        assert ask(rig, "GET", "/v1/files", **site).status_code == 200
        assert ask(rig, "GET", "/v1/files", OTHER, **site).status_code == 403


def test_every_origin_is_allowed_only_while_keys_are_needed(upstream: FakeUpstream, tmp_path: Path) -> None:
    with running(tmp_path, others="base", cors=CorsSettings(("*",))) as rig:
        rig.publish(plan_for(upstream.url), key(SECRET, "complete"))
        answer = ask(rig, "GET", "/v1/models", OTHER)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert httpx.options(f"{rig.url}/files", headers={"origin": OTHER, **PREFLIGHT}).status_code == 204
        rig.publish(plan_for(upstream.url, retain_days=7))  # the same gateway, open now
        assert "access-control-allow-origin" not in ask(rig, "GET", "/v1/models", OTHER).headers
        assert httpx.options(f"{rig.url}/files", headers={"origin": OTHER, **PREFLIGHT}).status_code in (404, 405)
