"""Attacks that worked on other gateways and tracking servers, tried on this one over raw sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream

SECRET = "ft-app"
CHAT = {"model": "base-direct", "messages": [{"role": "user", "content": "hi"}]}
QUERIES_IN_A_KEY = (
    "' OR '1'='1",
    "ft-app' --",
    "x' UNION SELECT sha256, name FROM keys --",
    "x'; DROP TABLE keys; --",
    "x\\' OR 1=1 /*",
    "$1",
    "%27%20OR%201=1",
)
HOSTS_WITH_A_PATH = (
    "127.0.0.1/livez?",
    "127.0.0.1/livez#",
    "evil.example/livez",
    "127.0.0.1:1/readyz?x=",
    "@127.0.0.1/metrics",
    "localhost\\livez",
)


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("known")) as rig:
        narrow = key("ft-narrow", "feedback", routes=("bot",))
        keys = key(SECRET, "complete"), key("ft-other", "complete"), narrow
        rig.publish(plan_for(upstream.url), *keys)
        yield rig


@pytest.fixture(autouse=True)
def nothing_seen(upstream: FakeUpstream) -> None:
    upstream.seen.clear()


def raw(rig: Rig, request: str) -> bytes:
    """What comes back for these bytes, until the connection ends or nothing comes any more."""
    with socket.create_connection(("127.0.0.1", rig.supervisor.port), timeout=5) as connection:
        connection.sendall(request.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize("secret", QUERIES_IN_A_KEY)
def test_cve_2026_42208_a_query_in_the_api_key_is_a_wrong_key(rig: Rig, upstream: FakeUpstream, secret: str) -> None:
    answer = httpx.post(f"{rig.url}/chat/completions", json=CHAT, headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert secret not in answer.text
    good = httpx.post(f"{rig.url}/chat/completions", json=CHAT, headers={"authorization": f"Bearer {SECRET}"})
    assert good.status_code == 200
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("host", HOSTS_WITH_A_PATH)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/files", "/v1/responses/resp_1"])
def test_cve_2026_49468_a_path_in_the_host_opens_no_route(
    rig: Rig, upstream: FakeUpstream, host: str, path: str
) -> None:
    answer = raw(rig, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    assert status(answer) in (400, 401, 404), answer[:200]
    assert not upstream.seen


@pytest.mark.parametrize(
    "header",
    [
        "x-portkey-custom-host",
        "x-portkey-config",
        "x-api-base",
        "x-base-url",
        "x-litellm-api-base",
        "helicone-target-url",
    ],
)
def test_cve_2025_66405_no_header_or_field_chooses_the_upstream(rig: Rig, upstream: FakeUpstream, header: str) -> None:
    with FakeUpstream() as elsewhere:
        fields: dict[str, Any] = dict.fromkeys(("base_url", "api_base", "custom_host"), elsewhere.url)
        headers = {"authorization": f"Bearer {SECRET}", header: elsewhere.url}
        answer = httpx.post(f"{rig.url}/chat/completions", json={**CHAT, **fields}, headers=headers)
        assert answer.status_code == 200
        assert len(upstream.seen) == 1
        assert not elsewhere.seen


@pytest.mark.parametrize("header", ["x-api-key", "api-key", "x-goog-api-key", "proxy-authorization", "cookie"])
def test_cve_2026_45339_a_key_counts_in_one_header_alone(rig: Rig, upstream: FakeUpstream, header: str) -> None:
    given = {"cookie": f"api_key={SECRET}", "proxy-authorization": f"Bearer {SECRET}"}.get(header, SECRET)
    alone = httpx.post(f"{rig.url}/chat/completions", json=CHAT, headers={header: given})
    assert alone.status_code == 401
    both = {"authorization": "Bearer ft-narrow", header: given}
    beside = httpx.post(f"{rig.url}/chat/completions", json=CHAT, headers=both)
    assert beside.status_code == 403
    for query in (f"key={SECRET}", f"api_key={SECRET}", f"api-version=1&api-key={SECRET}"):
        assert httpx.post(f"{rig.url}/chat/completions?{query}", json=CHAT).status_code == 401
    assert not upstream.seen


def test_cve_2026_45349_another_key_can_not_read_or_continue_a_conversation(rig: Rig, upstream: FakeUpstream) -> None:
    answer = {"id": "resp_mine", "conversation": {"id": "conv_mine"}}
    with openai.OpenAI(base_url=rig.url, api_key=SECRET, max_retries=0) as mine:
        mine.responses.create(
            model="base-direct", input="A secret", extra_body={"fake": {"kind": "json", "answer": answer}}
        )
        assert mine.responses.retrieve("resp_mine").id == "resp_mine"
    upstream.seen.clear()
    with openai.OpenAI(base_url=rig.url, api_key="ft-other", max_retries=0) as other:
        for ask in (other.responses.retrieve, other.responses.delete, other.responses.cancel):
            with pytest.raises(openai.NotFoundError):
                ask("resp_mine")
        with pytest.raises(openai.NotFoundError):
            other.responses.input_items.list("resp_mine")
        with pytest.raises(openai.NotFoundError):
            other.responses.create(model="base-direct", input="And?", previous_response_id="resp_mine")
        with pytest.raises(openai.NotFoundError):
            other.responses.create(model="base-direct", input="And?", conversation="conv_mine")
    assert not upstream.seen
