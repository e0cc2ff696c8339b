"""A unit goes from every byte beside the store, by whatever path it came there, and its namesakes stay."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.experiments.unit import pseudonym
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.maintenance_fixture import fairtrial_json, files_with
from tests.fixtures.store.segment_bytes import content
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

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
NAMES = ['Zoë "Z" O\'Hara\\', "customer-4711", "ada@example.org", "n" * 500]


def ask(api: str, route: str, more: dict[str, Any], **headers: str) -> httpx.Response:
    body = {"model": route, "messages": [{"role": "user", "content": SECRET}]} | more
    sent = json.dumps(body).encode()  # escapes: a name in it is spelled otherwise than it is
    named = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    named["content-type"] = b"application/json"
    return httpx.post(f"{api}/chat/completions", content=sent, headers=named, timeout=PATIENCE, verify=False)


def trace(name: str) -> str:
    """The trace in which an application makes all requests of one unit."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def traced(name: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace(name)}-{trace(name)[:16]}-01"}


def leave_early(api: str, more: dict[str, Any]) -> None:
    stream = {"kind": "stream", "chunks": 50, "delay": 0.1}
    body = {"model": "direct", "messages": [{"role": "user", "content": SECRET}], "stream": True, "fake": stream} | more
    with httpx.stream("POST", f"{api}/chat/completions", json=body, timeout=PATIENCE) as answer:
        next(answer.iter_raw())


def speak(api: str, name: str) -> list[str]:
    """Requests of one unit on every path that names it, one of them left early; returns the ids of the others.

    Each unit has its own value under the key `mood`, because an erasure keeps a category that others said too.
    """
    number = NAMES.index(name)
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
        ("chat", {"user": name}, {"x_fairtrial_unit": f"chat-{number}"}),
        ("once", {}, {"x_fairtrial_unit": name}),
        ("once", {"user": name}, {}),
    ]
    ids = [ask(api, route, more, **headers, **traced(name)).headers["x-request-id"] for route, more, headers in ways]
    leave_early(api, {"user": name})
    answer = ask(api, "once", {"user": name, "fake": {"kind": "json", "answer": {"id": f"answer-{number}"}}})
    feedback: list[dict[str, Any]] = [
        {"request_id": answer.headers["x-request-id"], "comment": SECRET},
        {"response_id": f"answer-{number}", "correction": SECRET},
    ]
    if len(name) <= 200:
        mood = {"key": "mood", "comment": f"{name} {SECRET}", "value": f"{SECRET} {number}"}
        feedback.append({"unit": f"{name} ", **mood})
    for fields in feedback:
        assert httpx.post(f"{api}/feedback", json={"key": "resolved"} | fields).status_code == 202
    return [*ids, answer.headers["x-request-id"]]


def names(name: str) -> re.Pattern[bytes]:
    """The name in any spelling, and not within that of a namesake."""
    spelled = {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], ascii(name)[1:-1], quote(name)}
    spellings = b"|".join(re.escape(spelling.encode()) for spelling in spelled)
    return re.compile(rb"(?<![A-Za-z0-9])(?:" + spellings + rb")(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Erased:
    """One unit's ids and namesakes, and what the two erasures of it counted."""

    ids: list[str]
    namesakes: list[str]
    first: dict[str, int]
    second: dict[str, int]


@dataclass(frozen=True)
class Store:
    """A store whose services have ended, and the files that held the secret before they did."""

    layout: Layout
    units: dict[str, Erased]
    secret_in: list[str]

    @property
    def places(self) -> list[Path]:
        """What lies beside the store's file."""
        copies = [path for path in self.layout.store.parent.iterdir() if path.name.startswith("fairtrial.duckdb.")]
        return [self.layout.folder, *(path for path in copies if path != self.layout.folder)]


@pytest.fixture(
    name="store", scope="module", params=["full", pytest.param("redacted", marks=pytest.mark.release("kills"))]
)
def store_fixture(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Store:
    """All units ask on every path, and are erased one after another while somebody else goes on asking."""
    folder = tmp_path_factory.mktemp(request.param)
    with FakeUpstream() as upstream:
        path = write_project(folder, upstream=upstream.url.removesuffix("/v1"))
        more = MORE.replace("BODIES", request.param)
        path.write_text(path.read_text().replace("metrics:\n", ROUTES).replace("gateway:", more + "gateway:"))
        with ForkedServices(path, workers=2, dashboard=False) as services:
            api, layout = services.urls.api, services.project.layout
            ids = {name: speak(api, name) for name in NAMES}
            namesakes = {name: [f"{name}1", f"1{name}", name[:-1], name.upper()] for name in NAMES}
            for namesake in chain.from_iterable(namesakes.values()):
                speak_as_namesake(api, namesake)
            with traffic(api):
                requests = sum(len(some) + 1 for some in ids.values()) + 2 * sum(map(len, namesakes.values()))
                wait_for_requests(requests, folder)
                first = {name: erase(name, folder) for name in NAMES}
                second = {name: erase(name, folder) for name in NAMES}
            store = Store(layout, {}, [])
            for text in {SECRET.encode(), json.dumps(SECRET).encode()}:
                store.secret_in.extend(files_with(text, *store.places))
                store.secret_in.extend([str(layout.store)] if text in layout.store.read_bytes() else [])
    store.units.update({name: Erased(ids[name], namesakes[name], first[name], second[name]) for name in NAMES})
    return store


def speak_as_namesake(api: str, namesake: str) -> None:
    by_header, by_body = {"x_fairtrial_unit": namesake}, {"user": namesake}
    for route, more, headers in (("direct", {}, by_header), ("support-bot", by_body, {})):
        answer = ask(api, route, PARCELS | more, **headers, **traced(namesake))
        assert answer.is_success, answer.text


@contextmanager
def traffic(api: str) -> Iterator[None]:
    """Somebody else's requests; the pauses leave time to the commands."""
    ending = threading.Event()

    def run() -> None:
        while not ending.wait(0.01):
            ask(api, "direct", PARCELS | {"user": "somebody"})

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def wait_for_requests(count: int, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while fairtrial_json("store", "info", cwd=folder)["rows"]["requests"] < count:
        assert time.monotonic() < deadline


def erase(name: str, folder: Path) -> dict[str, int]:
    counts: dict[str, int] = fairtrial_json("store", "erase-unit", name, cwd=folder)["counts"]
    return counts


@pytest.mark.release("stories")
@pytest.mark.parametrize("name", NAMES, ids=["odd", "plain", "address", "long"])
def test_a_unit_goes_from_every_byte_by_whatever_path_it_came(store: Store, name: str) -> None:
    unit = store.units[name]
    assert unit.first["requests"] == len(unit.ids) + 1
    assert unit.second == {}
    assert store.secret_in == []
    database = Database.open(store.layout)
    try:
        pepper = named_values.pepper(database)
        namesakes = [pseudonym(pepper, namesake) for namesake in unit.namesakes]
        counts = "SELECT unit, count(*) FROM requests WHERE list_contains(?, unit) GROUP BY unit"
        rows = database.rows(counts, [namesakes])
        assert sorted(rows) == sorted((unit, 2) for unit in namesakes)
        traces = database.rows("SELECT DISTINCT trace_id FROM requests WHERE trace_id IS NOT NULL")
        assert {(trace(namesake),) for namesake in unit.namesakes} <= set(traces)
        mine = [pseudonym(pepper, word) for word in (name, *unit.ids)] + unit.ids + [trace(name), trace(name)[:16]]
    finally:
        database.close()
    files = [store.layout.store, *(path for place in store.places for path in place.rglob("*") if path.is_file())]
    contents = {str(path): content(path) for path in files}
    assert [path for path, data in contents.items() if names(name).search(data)] == []
    assert [(path, word) for path, data in contents.items() for word in mine if word.encode() in data] == []
