"""An experiment beside a sick server: what others break costs it nothing, and an arm that is dead is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.config.plan.published import read
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import free_ports, write_project
from tests.fixtures.store import client_reads
from tests.fixtures.store.maintenance_fixture import fairtrial_json
from tests.fixtures.upstream.faults import error
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

NAME = "tuned-vs-base"
DIRECT = "  tuned-direct: {deployment: tuned}\n"
MOST_USERS = 400
SICK = error(503)

pytestmark = pytest.mark.release("kills")


@contextmanager
def running(folder: Path, upstream: FakeUpstream, *, tuned: str | None = None) -> Iterator[ForkedServices]:
    """A project with a direct route to the tuned model, whose server may be another one."""
    path = write_project(folder, upstream=upstream.url.removesuffix("/v1"))
    text = path.read_text().replace("metrics:\n", DIRECT + "metrics:\n", 1)
    if tuned is not None:
        text = text.replace(f'tuned, base_url: "{upstream.url}"', f'tuned, base_url: "{tuned}"')
    path.write_text(text)
    with ForkedServices(path, workers=2, dashboard=False) as services:
        yield services


def ask(services: ForkedServices, model: str, user: str, **fields: Any) -> httpx.Response:
    """A new connection for each request, so that both workers get some."""
    body = {"model": model, "user": user, "messages": [{"role": "user", "content": f"I am {user}"}], **fields}
    return httpx.post(f"{services.urls.api}/chat/completions", json=body, timeout=PATIENCE)


def state(services: ForkedServices) -> str:
    return read(services.project.layout.plan).plan.experiments[NAME].state


def arm(services: ForkedServices, name: str) -> dict[str, int]:
    with open_store(services.project.layout) as store:
        client_reads.ingest(store)
        (traffic,) = store.call(by_experiment, ExperimentTraffic(experiment=NAME, since_us=0))
    (found,) = [one for one in traffic.variants if one.variant == name]
    return {"units": found.units, "errors": found.errors, "kept_away": found.kept_away}


def test_a_caller_without_the_experiment_can_not_stop_it(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, running(tmp_path, upstream) as services:
        for number in range(MOST_USERS):
            assert ask(services, "tuned-direct", "bad", fake=error(500)).status_code == 500
            assert ask(services, "tuned-direct", "bad", fake=SICK).status_code == 503
            assert ask(services, "support-bot", f"u{number}").status_code == 200
        found = arm(services, "tuned")
        assert (found["errors"], found["kept_away"]) == (0, 0)
        assert found["units"] > MOST_USERS / 3
        assert state(services) == "running"


def test_an_arm_that_is_dead_is_stopped_before_a_fifteenth_of_its_users_met_an_error(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    dead = f"http://127.0.0.1:{port}/v1"
    with FakeUpstream() as upstream, running(tmp_path, upstream, tuned=dead) as services:
        for number in range(MOST_USERS):
            assert ask(services, "support-bot", f"u{number}").status_code == 200  # base answers
            if number % 10 == 9:
                arm(services, "tuned")
                if state(services) != "running":
                    break
        until(lambda: state(services) in ("paused", "killed"), "control stops the experiment")
        found = arm(services, "tuned")
        assert found["errors"] < 15, found
        (last, *_) = fairtrial_json("experiment", "status", NAME, cwd=tmp_path)["transitions"]
        assert last["action"] in ("pause", "kill")


def test_a_pause_because_requests_were_kept_away_ends_once_the_variant_answers(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, FakeUpstream() as sick, running(tmp_path, upstream, tuned=sick.url) as services:
        sick.script = SICK
        for number in range(120):
            ask(services, "tuned-direct", f"direct-{number}")
        numbers = iter(range(MOST_USERS))

        def paused() -> bool:
            for _ in range(10):
                assert ask(services, "support-bot", f"u{next(numbers)}").status_code == 200
            arm(services, "tuned")
            return state(services) == "paused"

        until(paused, "a pause")
        (last, *_) = fairtrial_json("experiment", "status", NAME, cwd=tmp_path)["transitions"]
        assert "an open breaker kept" in last["why"]
        sick.script = {"kind": "json"}
        until(lambda: state(services) == "running", "control resumes it")
        (last, *_) = fairtrial_json("experiment", "status", NAME, cwd=tmp_path)["transitions"]
        assert (last["action"], last["actor"]) == ("resume", "control")
