"""The configurations for nginx and Caddy run as the page shows them: applications, sign-in and the dashboard work."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import openai
import pytest
from playwright.sync_api import Browser, expect

from fairtrial.api import accounts, keys
from fairtrial_cli.processes.services import Services
from fairtrial_cli.store_client.client import open_store
from gateway.control.auth.authorization import SESSION_COOKIE
from gateway.control.auth.sign_in import MAX_PER_NAME
from tests.fixtures.paths import ROOT
from tests.fixtures.proxies import caddy, nginx
from tests.fixtures.services.project_files import free_ports, write_project
from tests.fixtures.upstream.server import FakeUpstream

pytestmark = pytest.mark.release("browser")

PAGE = ROOT / "docs" / "how-to" / "run-behind-a-proxy.md"
HOST = "trial.localhost"
"""In place of the page's host name: Chromium resolves it to this machine, and nobody else may have it."""

PASSWORD = "a few words are easy to remember"
PORTS = {"8080": "gateway", "8081": "control", "8501": "dashboard"}


@dataclass(frozen=True)
class Proxied:
    """The services as a proxy publishes them; ``url`` is what a browser opens."""

    services: Services
    scheme: str
    port: int
    links: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"

    def client(self, source: str = "127.0.0.1") -> httpx.Client:
        """A program at the address ``source``, which asks for the proxy's host name."""
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        way = httpx.HTTPTransport(verify=trust, local_address=source)
        headers = {"host": f"{HOST}:{self.port}", "origin": self.url}
        return httpx.Client(
            base_url=f"{self.scheme}://127.0.0.1:{self.port}", transport=way, headers=headers, timeout=60
        )


@pytest.fixture(name="services", scope="module")
def services_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Services, dict[str, int]]]:
    """The project of the page, on free ports, and the port of each proxy."""
    proxies = dict(zip(("nginx", "caddy"), free_ports(2), strict=True))
    with FakeUpstream() as upstream:
        path = write_project(tmp_path_factory.mktemp("proxied"), upstream=upstream.url.removesuffix("/v1"), workers=1)
        text = path.read_text().replace("workers: 1", "auth: keys, workers: 1")
        path.write_text(re.sub(r"(control: \{bind: [^}]+)\}", r'\1, trusted_proxies: ["127.0.0.1"]}', text))
        names = {
            "FAIRTRIAL_CONTROL_PUBLIC_URL": f"https://{HOST}:{proxies['nginx']}",
            "STREAMLIT_BROWSER_SERVER_ADDRESS": HOST,
        }
        with Services(path, workers=1, environ={**os.environ, **names}) as services:
            yield services, proxies


@pytest.fixture(name="proxied", scope="module", params=["nginx", "caddy"])
def proxied_fixture(
    request: pytest.FixtureRequest,
    services: tuple[Services, dict[str, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxied]:
    running, ports = services
    folder, port = tmp_path_factory.mktemp(request.param), ports[request.param]
    with START[request.param](folder, documented(request.param, running), port):
        yield Proxied(running, "https" if request.param == "nginx" else "http", port)


def documented(language: str, services: Services) -> str:
    """The page's block, with the ports of these services and a host name that resolves here."""
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    urls = services.urls
    for port, name in PORTS.items():
        assert f"127.0.0.1:{port}" in block, f"the block does not name the {name}"
        block = block.replace(f"127.0.0.1:{port}", str(getattr(urls, name)).removeprefix("http://"))
    assert "trial.example.org" in block
    return str(block)


def start_nginx(folder: Path, block: str, port: int) -> AbstractContextManager[None]:
    certificate, key = folder / "trial.pem", folder / "trial.key"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
    subprocess.run([*made, "-out", str(certificate), "-keyout", str(key)], check=True, capture_output=True)
    block = block.replace("/etc/ssl/trial.example.org.pem", str(certificate))
    block = block.replace("/etc/ssl/trial.example.org.key", str(key)).replace("listen 443", f"listen {port}")
    return nginx(folder, block.replace("trial.example.org", HOST), port=port)


def start_caddy(folder: Path, block: str, port: int) -> AbstractContextManager[None]:
    """Without TLS, for which Caddy would ask a certificate authority on the internet."""
    options = "{\n\tadmin off\n\tauto_https off\n}\n"
    return caddy(folder, options + block.replace("trial.example.org", f"http://{HOST}:{port}"), port=port)


START: dict[str, Callable[[Path, str, int], AbstractContextManager[None]]] = {
    "nginx": start_nginx,
    "caddy": start_caddy,
}


def invited(proxied: Proxied, name: str) -> str:
    with open_store(proxied.services.project.layout) as owner:
        return f"/invitation/{owner.call(accounts.invite, accounts.Invite(name=name, role='admin')).token}"


def joined(proxied: Proxied, name: str) -> httpx.Response:
    with proxied.client() as http:
        return http.post(invited(proxied, name), data={"password": PASSWORD, "again": PASSWORD})


CHAT = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}], "user": "u1"}
STREAMS = 1_500


def new_client(proxied: Proxied, http: httpx.Client) -> openai.OpenAI:
    """A client with a key that the gateway has taken, which happens within moments."""
    with open_store(proxied.services.project.layout) as owner:
        key = owner.call(keys.create, keys.CreateKey(name="app")).secret
    client = openai.OpenAI(base_url=f"{str(http.base_url).rstrip('/')}/v1", api_key=key, http_client=http)
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, "the gateway never took the key"
        with suppress(openai.AuthenticationError):
            client.models.list()
            return client


def test_applications_chat_and_stream_with_a_key_and_not_without(proxied: Proxied) -> None:
    with proxied.client() as http:
        client = new_client(proxied, http)
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="any").chat.completions.create(**CHAT)  # type: ignore[call-overload]
        answer = client.chat.completions.create(**CHAT)  # type: ignore[call-overload]
        assert answer.choices[0].message.content
        streamed = list(client.chat.completions.create(**CHAT, stream=True))  # type: ignore[call-overload]
        assert len(streamed) > 1 and streamed[-1].choices[0].finish_reason == "stop"


def test_every_stream_arrives_whole(proxied: Proxied) -> None:
    """Without `buffer_requests`, Caddy 2.6 cuts about one of a thousand fast streams, with a proper end."""
    with proxied.client() as http:
        headers = {"authorization": f"Bearer {new_client(proxied, http).api_key}"}

        def ends(_: int) -> bytes:
            answer = http.post("/v1/chat/completions", json={**CHAT, "stream": True}, headers=headers)
            return answer.raise_for_status().content[-14:]

        with ThreadPoolExecutor(4) as pool:
            assert Counter(pool.map(ends, range(STREAMS))) == {b"data: [DONE]\n\n": STREAMS}


def test_the_control_api_is_not_published_and_its_pages_ask_who_comes(proxied: Proxied) -> None:
    with proxied.client() as http:
        made = http.post("/api/keys", json={"name": "mine", "rights": ["admin"]})
        assert made.status_code >= 400 and "secret" not in made.text
        assert http.get("/api/me").headers["content-type"].startswith("text/html")  # the dashboard's frame
        assert http.get("/sign-in").status_code == 200


def test_a_sign_in_through_the_proxy_sets_cookies_for_its_scheme(proxied: Proxied) -> None:
    answer = joined(proxied, f"Rosa {proxied.port}")
    assert answer.status_code == 303, answer.text
    for cookie in answer.headers.get_list("set-cookie"):
        assert ("Secure" in cookie) == (proxied.scheme == "https"), cookie
    me = {"cookie": f"{SESSION_COOKIE}={answer.cookies[SESSION_COOKIE]}"}
    assert httpx.get(f"{proxied.services.urls.control}/api/me", headers=me).json()["name"] == f"Rosa {proxied.port}"


def test_a_stranger_who_guesses_slows_down_their_own_address_whatever_they_claim(proxied: Proxied) -> None:
    name = f"Mara {proxied.port}"
    joined(proxied, name)
    with proxied.client("127.0.0.9") as stranger, proxied.client("127.0.0.8") as owner:
        tried = [
            stranger.post(
                "/sign-in",
                data={"name": name, "password": "wrong"},
                headers={"x-forwarded-for": f"203.0.113.{number}", "x-real-ip": "203.0.113.1", "forwarded": "for=x"},
            ).status_code
            for number in range(MAX_PER_NAME + 1)
        ]
        assert tried == [401] * MAX_PER_NAME + [429]
        assert owner.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303


def test_the_dashboard_opens_in_a_browser(proxied: Proxied, browser: Browser) -> None:
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{proxied.url}/review")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{proxied.url}{invited(proxied, f'Nora {proxied.port}')}")
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.get_by_label("Repeat the password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("You are signed in as Nora")).to_be_visible()
    page.goto(f"{proxied.url}/overview")
    expect(page.get_by_text("Signed in as Nora")).to_be_visible()
    context.close()
