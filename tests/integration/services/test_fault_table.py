"""What clients saw and what the store holds under each fault is what the page of providers says."""

from __future__ import annotations

import os
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.gateway.samples import total
from tests.fixtures.paths import ROOT
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.jumping_clock import DAY, set_clock, with_clock
from tests.fixtures.services.project_files import write_project
from tests.fixtures.services.restarted_control import restart_control
from tests.fixtures.upstream.faults import SILENT, error
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

PAGE = ROOT / "docs" / "reference" / "providers.md"
REQUESTS = 60
DIRECT = "  plain: {deployment: base}\n"
ONCE, NOTHING = "each request once", "what came before and after, each once"

pytestmark = pytest.mark.release("kills")
Fault = Callable[[ForkedServices, FakeUpstream], Any]


@contextmanager
def answers(upstream: FakeUpstream, script: Any) -> Iterator[None]:
    upstream.script = script
    yield
    upstream.script = {"kind": "json"}


def busy(_: ForkedServices, upstream: FakeUpstream) -> Any:
    return answers(upstream, error(429))


def resets(_: ForkedServices, upstream: FakeUpstream) -> Any:
    """The same requests each time that they are sent."""
    return answers(upstream, lambda asked: {"kind": "reset" if Random(asked["user"]).random() < 0.3 else "json"})


def stalls(_: ForkedServices, upstream: FakeUpstream) -> Any:
    return answers(upstream, SILENT)


@contextmanager
def no_writing(services: ForkedServices, _: FakeUpstream) -> Iterator[None]:
    """No file of a worker can grow, as on a full disk."""
    gateway = services.children["gateway"].pid
    workers = Path(f"/proc/{gateway}/task/{gateway}/children").read_text().split()
    for pid in map(int, workers):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    until(lambda: _recording(services) == {"losing"}, "the losses to be noticed")
    for pid in map(int, workers):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until(lambda: _recording(services) == {"ok"}, "records to be written again")


def _recording(services: ForkedServices) -> set[str]:
    """What the workers say about recording, in twelve answers."""
    ready = f"{services.urls.api.removesuffix('/v1')}/readyz"
    return {httpx.get(ready).json()["recording"] for _ in range(12)}


@contextmanager
def no_control(services: ForkedServices, _: FakeUpstream) -> Iterator[None]:
    control = services.children["control"].pid
    assert control is not None
    os.kill(control, signal.SIGSTOP)
    yield
    restart_control(services)


@contextmanager
def half_a_plan(services: ForkedServices, _: FakeUpstream) -> Iterator[None]:
    plan = services.project.layout.plan
    whole = plan.read_bytes()
    plan.write_bytes(whole[: len(whole) // 2])
    yield
    plan.write_bytes(whole)


@contextmanager
def no_name(services: ForkedServices, upstream: FakeUpstream) -> Iterator[None]:
    """The server's name can't be resolved, and later it can."""
    path = services.project.root / "fairtrial.yaml"
    sound, plan = path.read_text(), services.project.layout.plan
    before = plan.read_bytes()
    path.write_text(sound.replace(upstream.url, "http://no-such-server.invalid/v1"))
    until(lambda: plan.read_bytes() != before)
    until(lambda: "upstream_connect" in ask(services, "probe").text)
    yield
    path.write_text(sound)
    until(lambda: ask(services, "probe").status_code == 200)


def wrong_clock(seconds: int) -> Fault:
    """The clock of all processes jumps, and later jumps back to the right time."""

    @contextmanager
    def jumps(services: ForkedServices, _: FakeUpstream) -> Iterator[None]:
        set_clock(services.project.root, seconds)
        yield
        set_clock(services.project.root, 0)

    return jumps


FAULTS: dict[str, Fault] = {
    "every answer is a 429": busy,
    "30 % of the connections are reset": resets,
    "the server is silent": stalls,
    "no file can grow, as on a full disk": no_writing,
    "control hangs and is killed": no_control,
    "the plan is half-written": half_a_plan,
    "the server's name is not found": no_name,
    "the clock jumps two days ahead": wrong_clock(2 * DAY),
    "the clock jumps one day back": wrong_clock(-DAY),
}


def ask(services: ForkedServices, user: str) -> httpx.Response:
    body = {"model": "plain", "user": user, "messages": [{"role": "user", "content": f"I am {user}"}]}
    return httpx.post(f"{services.urls.api}/chat/completions", json=body, timeout=PATIENCE)


def stored(layout: Layout) -> list[str]:
    """The names of the users of all stored requests."""
    database = Database.open(layout)
    Ingester(database, lambda: 1).catch_up()
    names = [str(name) for (name,) in database.rows("SELECT request_id FROM requests")]
    database.close()
    return names


def row(folder: Path, name: str, fault: Fault) -> str:
    """The row of the table, from requests before the fault, during it, and after it."""
    with FakeUpstream() as upstream:
        path = write_project(folder, upstream=upstream.url.removesuffix("/v1"))
        quick = f'openai/base, base_url: "{upstream.url}", timeouts: {{connect: 1, first_byte: 1}}'
        text = path.read_text().replace(f'openai/base, base_url: "{upstream.url}"', quick)
        path.write_text(text.replace("metrics:\n", DIRECT + "metrics:\n", 1))
        environ = with_clock(folder) if "clock" in name else None
        with ForkedServices(path, workers=2, dashboard=False, environ=environ, forks_children=False) as services:
            before = answered_by_both(services, "before")
            with fault(services, upstream):
                during = [ask(services, f"during-{number}") for number in range(REQUESTS)]
            after = answered_by_both(services, "after")
            layout = services.project.layout
    names = Counter(stored(layout))
    assert max(names.values()) == 1
    assert {answer.headers["x-request-id"] for answer in before + after} <= names.keys()
    kept = [answer for answer in during if answer.headers["x-request-id"] in names]
    holds = ONCE if len(kept) == REQUESTS else NOTHING if not kept else f"{len(kept)} of {REQUESTS}"
    return f"| {name} | {_seen(during)} | {holds} |"


def answered_by_both(services: ForkedServices, name: str) -> list[httpx.Response]:
    """Twelve answers in a row once both workers have a plan; next to certainly each of them gives some."""
    found: list[httpx.Response] = []
    metrics = f"{services.urls.api.removesuffix('/v1')}/metrics"
    until(lambda: total(httpx.get(metrics).text, "plan_in_force") == 2)

    def are_answered() -> bool:
        found[:] = [ask(services, f"{name}-{number}") for number in range(12)]
        return {answer.status_code for answer in found} == {200}

    until(are_answered, "both workers to answer")
    return found


def _seen(answers: list[httpx.Response]) -> str:
    """The statuses that clients got, with the codes of errors."""
    found = {
        str(one.status_code) if one.status_code == 200 else f"{one.status_code} `{one.json()['error']['code']}`"
        for one in answers
    }
    return ", ".join(sorted(found)).replace(" `None`", "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_met_as_the_page_says(tmp_path: Path, name: str) -> None:
    assert row(tmp_path, name, FAULTS[name]) in PAGE.read_text(encoding="utf-8").splitlines()
