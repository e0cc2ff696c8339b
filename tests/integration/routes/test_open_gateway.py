"""An open gateway refuses forwarded requests, unless a trusted proxy names a client of this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

CHAT = "POST /v1/chat/completions"
FORWARDING = (
    "Forwarded: for=203.0.113.1",
    "X-Forwarded-For: 127.0.0.1",
    "x-forwarded-proto: https",
    "X-FORWARDED-HOST: trial.example",
    "X-Forwarded-Anything: 1",
    "Via: 1.1 squid",
    "X-Real-IP: 127.0.0.1",
)


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("open"), others="base") as rig:
        rig.publish(plan_for(upstream.url))
        yield rig


@pytest.fixture(name="trusting", scope="module")
def trusting_fixture(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that trusts a proxy at 127.0.0.2 and in 127.1.0.0/16, and nobody at 127.0.0.1."""
    with running(tmp_path_factory.mktemp("trusting"), trusted_proxies=("127.0.0.2", "127.1.0.0/16")) as rig:
        rig.publish(plan_for(upstream.url))
        yield rig


def ask(
    rig: Rig, *headers: str, path: str = "POST /v1/chat/completions", version: str = "1.1", source: str = ""
) -> str:
    """The answer's status and the error's code, such as ``403 proxy_not_trusted``."""
    body = json.dumps(DIRECT) if path.startswith("POST") else ""
    lines = [
        f"{path} HTTP/{version}",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        "Connection: close",
        *headers,
    ]
    lines += [f"Content-Length: {len(body)}", "", body]
    bound = (source, 0) if source else None
    with socket.create_connection(("127.0.0.1", rig.supervisor.port), 30, bound) as line:
        line.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    head, _, content = answer.partition(b"\r\n\r\n")
    status = head.split()[1].decode()
    if status in ("200", "404"):
        return status
    error = json.loads(content)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return f"{status} {error['code']}"


@pytest.mark.parametrize("header", FORWARDING)
def test_a_forwarding_header_is_refused(rig: Rig, header: str) -> None:
    assert ask(rig, header) == "403 proxy_not_trusted"


@pytest.mark.parametrize("path", ["POST /v1/chat/completions", "GET /v1/models", "POST /v1/feedback", "GET /v1/files"])
def test_http_1_0_is_refused_on_every_path(rig: Rig, path: str) -> None:
    assert ask(rig, path=path, version="1.0") == "403 proxy_not_trusted"
    assert ask(rig, FORWARDING[0], path=path) == "403 proxy_not_trusted"


def test_direct_requests_and_headers_that_only_sound_alike_are_served(rig: Rig) -> None:
    assert ask(rig) == "200"
    assert ask(rig, "X-Real-Ip-Address: 1", "Forwarded-For: 1", "My-X-Forwarded-For: 1", "Viaduct: 1") == "200"


@pytest.mark.parametrize("path", ["GET /livez", "GET /readyz", "GET /metrics"])
def test_health_is_for_everyone(rig: Rig, path: str) -> None:
    assert ask(rig, *FORWARDING, path=path, version="1.0") == "200"


def test_the_upstream_is_never_asked(rig: Rig, upstream: FakeUpstream) -> None:
    before = len(upstream.seen)
    ask(rig, version="1.0")
    ask(rig, FORWARDING[1])
    assert len(upstream.seen) == before


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (["X-Forwarded-For: 127.0.0.1"], "200"),
        (["X-Forwarded-For: 203.0.113.1, 127.0.0.1, 127.0.0.2"], "200"),
        (["X-Forwarded-For: 127.0.0.2, 127.1.2.3"], "200"),
        (["X-Forwarded-For: [::1]:4711"], "200"),
        (["X-Forwarded-For: ::ffff:127.0.0.1"], "200"),
        (["X-Real-IP: 127.0.0.1"], "200"),
        (['Forwarded: for="[::1]:4711";proto=http, for=127.0.0.2'], "200"),
        (["X-Forwarded-For: 203.0.113.1"], "403 client_not_local"),
        (["X-Forwarded-For: 127.0.0.1, 203.0.113.1"], "403 client_not_local"),
        (["X-Forwarded-For: 127.0.0.1, 203.0.113.1, 127.0.0.2"], "403 client_not_local"),
        (["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 203.0.113.1"], "403 client_not_local"),
        (["X-Forwarded-For: 127.0.0.1", "Forwarded: for=203.0.113.1"], "403 client_not_local"),
        (["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 203.0.113.1"], "403 client_not_local"),
        (["Forwarded: for=127.0.0.1, for=203.0.113.1"], "403 client_not_local"),
        (['Forwarded: for=127.0.0.1, for="x, for="[2001:db8::1]"'], "403 client_not_local"),
        (["Forwarded: for=unknown"], "403 client_not_local"),
        (["Forwarded: proto=https"], "403 client_not_local"),
        (["X-Forwarded-For: "], "403 client_not_local"),
        (["X-Forwarded-For: 127.0.0.1:80:80"], "403 client_not_local"),
        (["X-Forwarded-For: " + "127.0.0.2," * 2000 + "127.0.0.1"], "403 client_not_local"),
        (["X-Forwarded-Proto: https"], "403 client_not_local"),
        (["Via: 1.1 caddy"], "403 client_not_local"),
        ([], "200"),
    ],
)
def test_a_trusted_proxy_is_served_if_the_rightmost_untrusted_client_is_on_this_machine(
    trusting: Rig, headers: list[str], answer: str
) -> None:
    assert ask(trusting, *headers, source="127.0.0.2") == answer
    if headers:
        assert ask(trusting, *headers, source="127.0.0.3") == "403 proxy_not_trusted"


def test_a_trusted_proxy_that_speaks_http_1_0_must_name_its_client(trusting: Rig) -> None:
    assert ask(trusting, version="1.0", source="127.0.0.2") == "403 client_not_local"
    assert ask(trusting, "X-Real-IP: 127.0.0.1", version="1.0", source="127.1.0.9") == "200"


def test_a_gateway_that_asks_for_keys_serves_proxies(upstream: FakeUpstream, rig: Rig) -> None:
    plan = plan_for(upstream.url)
    rig.publish(plan, key("ft-app", "complete"))
    try:
        until(lambda: ask(rig, *FORWARDING, version="1.0") == "401 invalid_api_key")
        assert ask(rig, *FORWARDING, "Authorization: Bearer ft-app", version="1.0") == "200"
    finally:
        rig.publish(plan)
        until(lambda: ask(rig) == "200")
