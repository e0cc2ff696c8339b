"""A clock that jumps changes the times of records, and neither assignments, nor ids, nor how long a breaker is open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.jumping_clock import DAY, set_clock, with_clock
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.faults import error
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

USERS = 20
STORED = "SELECT request_id, epoch_us(at_time), exposed_unit, variant_assigned FROM requests"
MOST_TRIES = 100

pytestmark = pytest.mark.release("kills")


@contextmanager
def running(folder: Path, upstream: FakeUpstream, workers: int) -> Iterator[ForkedServices]:
    path = write_project(folder, upstream=upstream.url.removesuffix("/v1"))
    path.write_text(path.read_text().replace("metrics:\n", "  plain: {deployment: base}\nmetrics:\n", 1))
    environ = with_clock(folder)
    with ForkedServices(path, workers=workers, dashboard=False, environ=environ, forks_children=False) as services:
        yield services


def ask(services: ForkedServices, model: str, user: str) -> httpx.Response:
    body = {"model": model, "user": user, "messages": [{"role": "user", "content": f"I am {user}"}]}
    return httpx.post(f"{services.urls.api}/chat/completions", json=body, timeout=PATIENCE)


def all_ask(services: ForkedServices) -> list[str]:
    """The ids of one request of each user."""
    answers = [ask(services, "support-bot", f"u-{number}") for number in range(USERS)]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.headers["x-request-id"] for answer in answers]


def stored(layout: Layout) -> dict[str, tuple[int, str, str]]:
    """When each request came, its unit and its arm."""
    database = Database.open(layout)
    Ingester(database, lambda: 1).catch_up()
    rows = database.rows(STORED)
    database.close()
    assert len({row[0] for row in rows}) == len(rows)
    return {str(ident): (int(at_us), str(unit), str(arm)) for ident, at_us, unit, arm in rows}


@pytest.mark.parametrize("seconds", [2 * DAY, -DAY])
def test_requests_have_the_time_of_the_clock_and_keep_their_arms(tmp_path: Path, seconds: int) -> None:
    with FakeUpstream() as upstream, running(tmp_path, upstream, workers=2) as services:
        before = all_ask(services)
        started = time.time_ns() // 1000
        set_clock(tmp_path, seconds)
        during = all_ask(services)
        set_clock(tmp_path, 0)
        ended = time.time_ns() // 1000
        after = all_ask(services)
    rows = stored(services.project.layout)
    assert sorted(rows) == sorted(before + during + after), "each once, and none is lost"
    jumped = seconds * 1_000_000
    assert all(started + jumped <= rows[ident][0] <= ended + jumped for ident in during)
    assert all(rows[ident][0] <= started for ident in before)
    assert all(rows[ident][0] >= ended for ident in after)
    arms = [[rows[ident][1:] for ident in asked] for asked in (before, during, after)]
    assert arms[0] == arms[1] == arms[2]
    assert len({arm for _, arm in arms[0]}) == 2


def test_a_breaker_closes_again_although_the_clock_was_set_back(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, running(tmp_path, upstream, workers=1) as services:
        upstream.script = error(500)
        codes = (ask(services, "plain", f"u-{number}").json()["error"]["code"] for number in range(MOST_TRIES))
        assert "upstream_unavailable" in codes
        set_clock(tmp_path, -DAY)
        upstream.script = {"kind": "json"}
        until(lambda: ask(services, "plain", "u").status_code == 200)
