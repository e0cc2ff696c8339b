"""Secrets are sent by each way in and by the upstream; none is found in what fairtrial writes, shows or answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.credentials import by_key
from tests.fixtures.dashboard.opened_page import opened
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

PROVIDER_KEY, KEY, HEADER, QUERY = "sk-canary-0123456789", "ft-canary-key", "canary-header", "canary-query"
BODY, UNIT, UPSTREAM = "canary-body", "canary-unit", "canary-upstream"
HEADERS = {
    "cookie": f"fairtrial_session={HEADER}", "x-vendor": HEADER, "baggage": HEADER, "x-api-key": HEADER,
    "traceparent": HEADER, "authorization": f"Bearer {KEY}",
}  # fmt: skip
CHAT: dict[str, Any] = {
    "model": "support-bot", "messages": [{"role": "user", "content": BODY}], "user": UNIT, "metadata": {"note": BODY},
}  # fmt: skip
ERROR = {"error": {"message": f"{UPSTREAM} refuses {PROVIDER_KEY}", "type": "t", "param": None, "code": None}}
SCRIPTS: dict[str, dict[str, Any]] = {
    "whole": {"kind": "json"},
    "broken stream": {"kind": "stream", "events": [f"data: {json.dumps(ERROR)}\n\n"], "then": "reset"},
    "refusal": {"kind": "json", "status": 400, "whole": ERROR, "headers": {"x-debug": PROVIDER_KEY}},
    "failure": {"kind": "json", "status": 500, "whole": ERROR},
    "no JSON": {"kind": "bytes", "status": 502, "body": f"<html>{UPSTREAM}</html>"},
    "no HTTP": {"kind": "raw", "text": f"{UPSTREAM}: {PROVIDER_KEY}\r\n\r\n"},
}
PAGES = ("audit_trail", "experiment", "gate", "overview", "plan_history", "runs")


@pytest.fixture(name="services", scope="module")
def services_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ForkedServices, FakeUpstream]]:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path_factory.mktemp("canaries"), upstream=upstream.url.removesuffix("/v1"), workers=1)
        text = path.read_text().replace("model: openai/", 'api_key: "${CANARY}", model: openai/')
        path.write_text(f"{text}capture: {{bodies: none}}\n")
        environ = {**os.environ, "CANARY": PROVIDER_KEY}
        with ForkedServices(path, workers=1, dashboard=False, environ=environ) as running:
            yield running, upstream


def of_gateway(url: str, upstream: FakeUpstream) -> Iterator[httpx.Response]:
    with httpx.Client(base_url=url, headers=HEADERS, params={"api_key": QUERY}, timeout=PATIENCE) as http:
        for script in SCRIPTS.values():
            upstream.script = script
            for stream in (False, True):
                yield http.post("/chat/completions", json=CHAT | {"stream": stream})
        assert upstream.seen[-1].header("authorization") == f"Bearer {PROVIDER_KEY}"
        content = f'{{"model": "support-bot", "messages": [{{"role": "{BODY}'
        yield http.post("/chat/completions", content=content, headers={"content-type": "application/json"})
        yield http.post("/chat/completions", content=BODY, headers={"content-type": "text/plain"})
        yield http.post("/chat/completions", json=CHAT | {"user": UNIT * 100})
        yield http.post("/chat/completions", json=CHAT, headers={"x-fairtrial-unit": f"{HEADER}\x01"})
        yield http.post("/chat/completions", json=CHAT | {"model": [BODY]})
        yield http.get("/nowhere")
        yield http.post("/feedback", json={"unit": UNIT, "key": "resolved", "comment": BODY, "correction": BODY})
        yield http.post("/feedback", json={"unit": UNIT, "key": "resolved", "value": BODY})
        yield http.post("/feedback", json={"unit": UNIT, "key": "resolved", "value": [BODY]})


def of_control(url: str, key: dict[str, str]) -> Iterator[httpx.Response]:
    with httpx.Client(base_url=url, headers=HEADERS, params={"api_key": QUERY}, timeout=PATIENCE) as http:
        yield http.get("/api/me")
        yield http.post("/api/keys", json={"name": BODY})
        yield http.get(f"/invitation/{QUERY}")
        yield http.get(f"/one-time/{QUERY}")
        yield http.post("/sign-in", data={"name": "Rosa", "password": BODY}, headers={"origin": url})
        yield http.post("/sign-in", data={"name": "Rosa", "password": BODY}, headers={"origin": f"http://{HEADER}"})
        yield http.get("/api/requests", params={"limit": QUERY}, headers=key)
        yield http.post("/api/keys", json={"name": [BODY]}, headers=key)
        yield http.post("/api/keys", content=BODY, headers=key | {"content-type": "application/json"})


def shown_by_control(services: ForkedServices) -> Iterator[tuple[str, str]]:
    """The answers of every listing, and of everything about each recorded request."""
    key = by_key(services.project.layout)
    with httpx.Client(base_url=services.urls.control, headers=key, timeout=PATIENCE) as http:
        until(lambda: len(http.get("/api/requests").json()["rows"]) >= 2 * len(SCRIPTS), "the requests in the store")
        paths = [path for path, methods in http.get("/api/openapi.json").json()["paths"].items() if "get" in methods]
        names = [row["request_id"] for row in http.get("/api/requests").json()["rows"]]
        listings = [path for path in paths if "{" not in path]
        assert len(listings) > 15
        for path in [*listings, *(f"/api/requests/{name}" for name in names)]:
            yield path, http.get(path).text


def leaks(text: str | bytes, *, provider_speaks: bool = False) -> list[str]:
    given = text.encode() if isinstance(text, str) else text
    hidden = [PROVIDER_KEY, KEY, HEADER, QUERY, BODY, UNIT, *([] if provider_speaks else [UPSTREAM])]
    return [canary for canary in hidden if canary.encode() in given]


@pytest.mark.release("walks")
def test_no_canary_is_written_shown_or_answered(
    services: tuple[ForkedServices, FakeUpstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, upstream = services
    key = by_key(running.project.layout)
    refused = [
        answer
        for answer in (*of_gateway(running.urls.api, upstream), *of_control(running.urls.control, key))
        if answer.status_code >= 400
    ]
    assert len(refused) > 15
    # A provider's own error goes to the caller as it is, without the key.
    found = {
        f"{answer.request.method} {answer.url.path}": leaks(answer.text + str(answer.headers), provider_speaks=True)
        for answer in refused
    }
    found["/metrics"] = leaks(httpx.get(f"{running.urls.gateway}/metrics").text)
    found["/metrics of control"] = leaks(httpx.get(f"{running.urls.control}/metrics").text)
    for path, text in shown_by_control(running):
        found[path] = leaks(text)
    for page in PAGES:
        found[page] = leaks(repr(opened(running, monkeypatch, page)))
    folder = Path(running.project.layout.folder)
    files = [path for path in (*folder.rglob("*"), running.project.layout.store) if path.is_file()]
    assert {"journal", "logs"} <= {path.parent.name for path in files}
    for path in files:
        found[path.name] = leaks(path.read_bytes())
    assert {place: canaries for place, canaries in found.items() if canaries} == {}
