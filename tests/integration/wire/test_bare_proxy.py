"""A real nginx with a bare ``proxy_pass`` in front of a default project: strangers reach nothing through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import openai
import pytest

from tests.fixtures.proxies import nginx
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import free_ports, write_project
from tests.fixtures.upstream.server import FakeUpstream

SERVER = """
server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {target}; }}
}}
"""
ASKED = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}], "user": "u1"}


@dataclass(frozen=True)
class Proxied:
    """The addresses at which strangers reach the services through nginx."""

    services: ForkedServices
    gateway: str
    control: str


@pytest.fixture(name="proxied", scope="module")
def proxied_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("bare")
    with FakeUpstream() as upstream:
        project = write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1)
        with ForkedServices(project, workers=1, dashboard=False) as services:
            gateway, control = free_ports(2)
            servers = SERVER.format(port=gateway, target=services.urls.gateway)
            servers += SERVER.format(port=control, target=services.urls.control)
            with nginx(folder / "nginx", servers, port=control):
                yield Proxied(services, f"http://127.0.0.1:{gateway}", f"http://127.0.0.1:{control}")


def test_a_stranger_behind_a_bare_proxy_pass_can_not_chat(proxied: Proxied) -> None:
    with (
        openai.OpenAI(base_url=f"{proxied.gateway}/v1", api_key="any", max_retries=0) as client,
        pytest.raises(openai.PermissionDeniedError) as refused,
    ):
        client.chat.completions.create(model="support-bot", messages=[{"role": "user", "content": "hi"}], user="u1")
    assert refused.value.code == "proxy_not_trusted"
    assert "gateway.auth" in refused.value.message
    for method, path in (("GET", "/v1/models"), ("POST", "/v1/feedback"), ("GET", "/v1/files")):
        assert httpx.request(method, proxied.gateway + path, json={}).status_code == 403, path


def test_a_stranger_behind_a_bare_proxy_pass_gets_no_admin_key(proxied: Proxied) -> None:
    wish = {"name": "mine", "rights": ["admin"]}
    answer = httpx.post(f"{proxied.control}/api/keys", json=wish)
    assert answer.status_code == 401, answer.text
    assert "secret" not in answer.text
    for path in ("/api/me", "/api/requests", "/api/accounts", "/api/keys"):
        assert httpx.get(proxied.control + path).status_code == 401, path


def test_a_program_on_the_machine_itself_goes_on_without_a_key(proxied: Proxied) -> None:
    with openai.OpenAI(base_url=proxied.services.urls.api, api_key="any") as client:
        answer = client.chat.completions.create(
            model="support-bot", messages=[{"role": "user", "content": "hi"}], user="u1"
        )
    assert answer.choices
