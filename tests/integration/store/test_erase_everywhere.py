"""A unit goes from every byte beside the store, by whatever path it came there, and its namesakes stay."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fairtrial.experiments.units import pseudonym
from fairtrial.store.access import store_secrets
from fairtrial.store.core.database import Database
from fairtrial_cli.processes.services import Services
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.maintenance_fixture import fairtrial_json, files_with
from tests.fixtures.store.segment_bytes import content
from tests.fixtures.upstream.server import FakeUpstream

SECRET = "the violet heron of Ostrava"
MORE = """\
  by-chat:
    question: Better?
    unit: conversation
    control: base
    variants: {base: {deployment: base}, tuned: {deployment: tuned}}
    split: {base: 50, tuned: 50}
    primary: {metric: feedback.resolved, require: superior, mde: 3pp}
  by-request:
    question: Better?
    unit: request
    control: base
    variants: {base: {deployment: base}, tuned: {deployment: tuned}}
    split: {base: 50, tuned: 50}
    primary: {metric: feedback.resolved, require: superior, mde: 3pp}
capture: {bodies: BODIES, retain_days: 30}
"""
ROUTES = """\
  direct: {deployment: base}
  chat: {experiment: by-chat}
  once: {experiment: by-request}
metrics:
"""
PARCELS = {"messages": [{"role": "user", "content": "parcels"}]}
NAMES = ['Zoë "Z" O\'Hara\\', "customer-4711", "ada@example.org", "n" * 1000]


@pytest.fixture(params=["full", "redacted"])
def services(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Services]:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        text = (
            path.read_text()
            .replace("metrics:\n", ROUTES)
            .replace("gateway:", MORE.replace("BODIES", request.param) + "gateway:")
        )
        path.write_text(text)
        with Services(path, workers=2, dashboard=False) as running:
            yield running


def ask(api: str, route: str, more: dict[str, Any], **headers: str) -> httpx.Response:
    body = {"model": route, "messages": [{"role": "user", "content": SECRET}]} | more
    sent = json.dumps(body).encode()  # escapes: a name in it is spelled otherwise than it is
    named = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    named["content-type"] = b"application/json"
    return httpx.post(f"{api}/chat/completions", content=sent, headers=named, timeout=60, verify=False)


def leave_early(api: str, more: dict[str, Any]) -> None:
    stream = {"kind": "stream", "chunks": 50, "delay": 0.1}
    body = {"model": "direct", "messages": [{"role": "user", "content": SECRET}], "stream": True, "fake": stream} | more
    with httpx.stream("POST", f"{api}/chat/completions", json=body, timeout=60) as answer:
        next(answer.iter_raw())


def speak(api: str, name: str) -> list[str]:
    """Requests of one unit on every path that names it, one of them left early; returns the ids of the others."""
    failing = {
        "fake": {"kind": "json", "status": 500, "whole": {"error": {"message": f"{SECRET} {name}", "type": "x"}}}
    }
    ways: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        ("direct", {}, {"x_fairtrial_unit": name}),
        ("direct", {"user": f" {name} "}, {}),
        ("direct", {"safety_identifier": name, "stream": True}, {}),
        ("direct", {"metadata": {"user_id": name}} | failing, {}),
        ("direct", {"user": name, "fake": {"kind": "html"}}, {}),
        ("nowhere", {}, {"x_fairtrial_unit": name}),
        ("support-bot", {"user": name}, {"x_fairtrial_tags": f"who={SECRET}"}),
        ("support-bot", {} | failing, {"x_fairtrial_unit": name}),
        ("chat", {"user": name}, {"x_fairtrial_unit": "chat-1"}),
        ("once", {}, {"x_fairtrial_unit": name}),
        ("once", {"user": name}, {}),
    ]
    ids = [ask(api, route, more, **headers).headers["x-request-id"] for route, more, headers in ways]
    leave_early(api, {"user": name})
    answer = ask(api, "once", {"user": name, "fake": {"kind": "json", "answer": {"id": f"answer-of-{len(name)}"}}})
    said: list[dict[str, Any]] = [
        {"request_id": answer.headers["x-request-id"], "comment": SECRET},
        {"response_id": f"answer-of-{len(name)}", "correction": SECRET},
    ]
    if len(name) <= 200:
        said.append({"unit": f"{name} ", "key": "mood", "comment": f"{name} {SECRET}", "value": SECRET})
    for one in said:
        assert httpx.post(f"{api}/feedback", json={"key": "resolved"} | one).status_code == 202
    return [*ids, answer.headers["x-request-id"]]


def names(name: str) -> re.Pattern[bytes]:
    """The name in any spelling, and not within that of a namesake."""
    spelled = {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], ascii(name)[1:-1], quote(name)}
    found = b"|".join(re.escape(one.encode()) for one in spelled)
    return re.compile(rb"(?<![A-Za-z0-9])(?:" + found + rb")(?![A-Za-z0-9])")


@pytest.mark.parametrize("name", NAMES, ids=["odd", "plain", "address", "long"])
def test_a_unit_goes_from_every_byte_by_whatever_path_it_came(services: Services, tmp_path: Path, name: str) -> None:
    api, layout = services.urls.api, services.project.layout
    ids = speak(api, name)
    requests = len(ids) + 1
    namesakes = [f"{name}1", f"1{name}", name[:-1], name.upper()]
    for other in namesakes:
        for route, more, headers in (("direct", {}, {"x_fairtrial_unit": other}), ("support-bot", {"user": other}, {})):
            answer = ask(api, route, PARCELS | more, **headers)
            assert answer.is_success, answer.text
    ending = threading.Event()

    def traffic() -> None:
        while not ending.wait(0.01):  # as much as it can would be asked at the cost of the commands
            ask(api, "direct", PARCELS | {"user": "somebody"})

    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while fairtrial_json("store", "info", cwd=tmp_path)["rows"]["requests"] < requests + 2 * len(namesakes):
            assert time.monotonic() < deadline
        done = fairtrial_json("store", "erase-unit", name, "--json", cwd=tmp_path)
        again = fairtrial_json("store", "erase-unit", name, "--json", cwd=tmp_path)
    finally:
        ending.set()
        thread.join()
    assert done["counts"]["requests"] == requests
    assert again["counts"] == {}
    places = [layout.folder, *(path for path in tmp_path.iterdir() if path.name.startswith("fairtrial.duckdb."))]
    for text in {SECRET.encode(), json.dumps(SECRET).encode()}:
        assert files_with(text, *places) == []
        assert text not in layout.store.read_bytes()
    services.stop()
    database = Database.open(layout)
    try:
        pepper = store_secrets.pepper(database)
        kept = [pseudonym(pepper, other) for other in namesakes]
        rows = database.rows("SELECT unit, count(*) FROM requests WHERE list_contains(?, unit) GROUP BY unit", [kept])
        assert sorted(rows) == sorted((unit, 2) for unit in kept)
        mine = [pseudonym(pepper, one) for one in (name, *ids)] + ids
    finally:
        database.close()
    files = [layout.store, *(path for place in places for path in place.rglob("*") if path.is_file())]
    assert [str(path) for path in files if names(name).search(content(path))] == []
    assert [(path, one) for path in files for one in mine if one.encode() in content(path)] == []
