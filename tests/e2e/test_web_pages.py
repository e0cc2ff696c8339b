"""A page of another origin uses the gateway from a real Chromium, with fetch and with OpenAI's own client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page

from fairtrial.domain.limits.server_settings import CorsSettings
from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.npm_packages import install
from tests.fixtures.paths import ROOT
from tests.fixtures.upstream.server import FakeUpstream

pytestmark = pytest.mark.release("browser")

NODE = ROOT / "tests" / "conformance/node"
SECRET = "ft-page"
CHAT = {"model": "base-direct", "messages": [{"role": "user", "content": "Hello?"}]}
FETCH = """async ([url, method, body, headers, credentials]) => {
  const answer = await fetch(url, {method, body: body && JSON.stringify(body), headers, credentials});
  const pieces = [];
  const reader = answer.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) pieces.push(read.value.length);
  const names = ["x-request-id", "retry-after", "x-should-retry", "x-vendor"];
  const headers_read = Object.fromEntries(names.map(name => [name, answer.headers.get(name)]));
  return {status: answer.status, pieces: pieces.length, headers: headers_read};
}"""
CLIENT = """async ([url, key]) => {
  const {default: OpenAI} = await import("/node_modules/openai/index.mjs");
  const client = new OpenAI({baseURL: url, apiKey: key, maxRetries: 1, dangerouslyAllowBrowser: true});
  const chat = {model: "base-direct", messages: [{role: "user", content: "Hello?"}]};
  const whole = await client.chat.completions.create(chat, {headers: {"x-fairtrial-unit": "u"}});
  const deltas = [];
  for await (const chunk of await client.chat.completions.create({...chat, stream: true}))
    deltas.push(chunk.choices[0]?.delta?.content ?? "");
  const models = (await client.models.list()).data.map(model => model.id);
  const feedback = await client.post("/feedback", {body: {response_id: whole.id, key: "resolved", value: true}});
  const wrong = await new OpenAI({baseURL: url, apiKey: "no", dangerouslyAllowBrowser: true}).models.list()
    .catch(({constructor: {name}, status, requestID, code}) => ({name, status, requestID, code}));
  return {text: whole.choices[0].message.content, requestID: whole._request_id, streamed: deltas.join(""), models,
          feedback: feedback.object, wrong};
}"""


class Site(ThreadingHTTPServer):
    """Serves a folder to the browser: a page of an origin that is not the gateway's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing on the error stream of the tests."""


@pytest.fixture(name="folder", scope="module")
def folder_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>an application</title>")
    return folder


@pytest.fixture(name="page_server", scope="module")
def page_server_fixture(folder: Path) -> Iterator[Site]:
    site = Site(folder)
    yield site
    site.shutdown()
    site.server_close()


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream, page_server: Site) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("cors"), cors=CorsSettings((page_server.origin,))) as rig:
        rig.publish(plan_for(upstream.url), key(SECRET, "complete", "feedback"))
        yield rig


@pytest.fixture(name="page")
def page_fixture(browser: Browser, page_server: Site) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(page_server.origin)
        yield page


def fetched(page: Page, url: str, body: Any = None, *, secret: str = SECRET, credentials: str = "omit") -> Any:
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json", "x-stainless-lang": "js"}
    return page.evaluate(FETCH, [url, "POST" if body else "GET", body, headers, credentials])


def test_a_listed_page_asks_streams_gives_feedback_and_reads_why_it_is_refused(
    page: Page, rig: Rig, upstream: FakeUpstream
) -> None:
    whole = fetched(page, f"{rig.url}/chat/completions", CHAT)
    assert whole["status"] == 200 and whole["headers"]["x-request-id"]
    slow = {"kind": "stream", "delay": 0.05}
    assert fetched(page, f"{rig.url}/chat/completions", {**CHAT, "stream": True, "fake": slow})["pieces"] > 1
    given = {"request_id": whole["headers"]["x-request-id"], "key": "resolved", "value": True}
    assert fetched(page, f"{rig.url}/feedback", given)["status"] == 202
    refused = fetched(page, f"{rig.url}/models", secret="ft-nobody")
    assert refused["status"] == 401 and refused["headers"]["x-request-id"]
    broken = fetched(page, f"{rig.url}/chat/completions", {**CHAT, "fake": {"kind": "reset"}})
    assert (broken["status"], broken["headers"]["x-should-retry"]) == (502, "false")
    assert fetched(page, f"{rig.url}/a%2fb")["status"] == 400
    vendor = {"kind": "json", "headers": {"x-vendor": "not-exposed"}}
    assert fetched(page, f"{rig.url}/chat/completions", {**CHAT, "fake": vendor})["headers"]["x-vendor"] is None


def test_a_page_that_is_not_listed_reaches_nothing(page: Page, rig: Rig, upstream: FakeUpstream) -> None:
    page.goto(page.url.replace("127.0.0.1", "localhost"))  # the same server under another origin
    seen = len(upstream.seen)
    for url, body in ((f"{rig.url}/chat/completions", CHAT), (f"{rig.url}/models", None)):
        with pytest.raises(Error, match="Failed to fetch"):
            fetched(page, url, body)
    assert len(upstream.seen) == seen


def test_no_request_with_credentials_is_allowed(page: Page, rig: Rig) -> None:
    with pytest.raises(Error, match="Failed to fetch"):
        fetched(page, f"{rig.url}/models", credentials="include")


def test_openais_own_client_works_in_the_page(page: Page, rig: Rig, folder: Path) -> None:
    install(NODE, folder)
    found = page.evaluate(CLIENT, [rig.url, SECRET])
    assert found["text"] and found["streamed"] and found["requestID"]
    assert found["models"] == ["base-direct", "bot"] and found["feedback"] == "feedback"
    wrong = found["wrong"]
    assert (wrong["name"], wrong["status"], wrong["code"]) == ("AuthenticationError", 401, "invalid_api_key")
    assert wrong["requestID"]
