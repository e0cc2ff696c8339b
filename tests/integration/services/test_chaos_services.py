"""Control and gateway workers are killed at random under load: every acknowledged request is stored exactly once."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.services.services_fixture import Load
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

KILLS = 24


def workers_of(pid: int) -> list[int]:
    """The gateway's workers: the children of its supervisor."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def victims(services: ForkedServices) -> list[int]:
    """What may be killed now: control once, and each worker."""
    control, gateway = (services.children[name].pid for name in ("control", "gateway"))
    return ([control] if control else []) + (workers_of(gateway) if gateway else [])


def kill_at_random(services: ForkedServices, load: Load) -> dict[str, int]:
    """``KILLS`` times kill -9; returns how often control and workers were hit."""
    import os
    import signal

    draw = random.Random(20261124)
    hit = {"control": 0, "worker": 0}
    while sum(hit.values()) < KILLS:
        seen = len(load.acknowledged)
        until(lambda seen=seen: len(load.acknowledged) > seen + 5)
        time.sleep(draw.random() * 0.3)
        wish = "control" if draw.random() < 0.4 else "worker"
        control = services.children["control"].pid
        found = [pid for pid in victims(services) if (pid == control) == (wish == "control")]
        if found:
            try:
                os.kill(draw.choice(found), signal.SIGKILL)
            except ProcessLookupError:  # it ended with the one that was killed before
                continue
            hit[wish] += 1
    return hit


@pytest.mark.release("kills")
def test_every_acknowledged_request_is_stored_exactly_once_whatever_is_killed(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        project = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        services = ForkedServices(project, workers=2, dashboard=False, forks_children=False)
        with services:
            load = Load(services.urls.api)
            try:
                hit = kill_at_random(services, load)
            finally:
                load.stop()

    database = Database.open(services.project.layout)
    Ingester(database, lambda: 1).catch_up()
    stored = [str(name) for (name,) in database.rows("SELECT request_id FROM requests")]
    exposed = [str(name) for (name,) in database.rows("SELECT request_id FROM requests WHERE enrolled")]
    database.close()
    assert min(hit.values()) > 0
    assert len(load.acknowledged) > 10 * KILLS / 2
    assert len(stored) == len(set(stored))
    assert len(exposed) == len(set(exposed))
    assert set(load.acknowledged) <= set(stored)
    assert set(load.acknowledged) <= set(exposed)
