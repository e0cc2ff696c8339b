"""A command stops an experiment in all workers of real services, whatever the project file looks like then."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.config.owner_lock import local_actor
from fairtrial.config.plan.live_state import standing_kills
from fairtrial.config.plan.published import read
from fairtrial.domain.plan import Experiment
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.services.restarted_control import restart_control
from tests.fixtures.services.services_fixture import fairtrial
from tests.fixtures.store import client_reads
from tests.fixtures.store.maintenance_fixture import fairtrial_json
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

NAME = "tuned-vs-base"
USERS = [f"user-{number}" for number in range(24)]


def change(folder: Path, action: str, why: str = "a test") -> str:
    done = fairtrial(folder, "experiment", action, NAME, "--why", why)
    assert done.returncode == 0, done.stderr
    return done.stdout


def arms(services: ForkedServices) -> list[str]:
    """The variant that served each user."""
    return [_answer(services, user).headers["x-fairtrial-variant"] for user in USERS]


def outside(services: ForkedServices) -> bool:
    """Whether the control's model serves every user, and every answer says that its request is excluded."""
    answers = [_answer(services, user) for user in USERS]
    reasons = {answer.headers["x-fairtrial-reason"] for answer in answers}
    named = any("x-fairtrial-variant" in answer.headers for answer in answers)
    return reasons == {"excluded"} and not named and {answer.json()["model"] for answer in answers} == {"base"}


def _answer(services: ForkedServices, user: str) -> httpx.Response:
    """A new connection for each request, so that both workers get some."""
    body = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}], "user": user}
    answer = httpx.post(f"{services.urls.api}/chat/completions", json=body)
    assert answer.status_code == 200
    return answer


def published(services: ForkedServices) -> Experiment:
    return read(services.project.layout.plan).plan.experiments[NAME]


@pytest.mark.release("stories")
def test_a_kill_works_with_a_broken_file_survives_a_restart_and_a_re_arm_has_new_units(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        sound = path.read_text()
        with ForkedServices(path, workers=2, dashboard=False) as services:
            first = arms(services)
            assert set(first) == {"base", "tuned"}
            path.write_text("version: [")
            said = change(tmp_path, "kill", "answers in French")
            assert f"by {local_actor()}: answers in French. All traffic is on base." in said
            assert "To start it again:" in said or "Control records the stop later" in said
            until(lambda: set(arms(services)) == {"base"})
            reasons = _reasons(services)
            assert reasons["kill"] >= len(USERS)
            restart_control(services)
            assert set(arms(services)) == {"base"}
            refused = fairtrial(tmp_path, "experiment", "rearm", NAME, "--why", "mended")
            assert refused.returncode == 2
            assert "configuration is refused" in refused.stderr
            path.write_text(sound)
            refused = fairtrial(tmp_path, "experiment", "resume", NAME, "--why", "mended")
            assert "is killed (possible: rearm, end)" in refused.stderr
            until(lambda: fairtrial(tmp_path, "experiment", "rearm", NAME, "--why", "mended").returncode == 0)
            until(lambda: set(arms(services)) == {"base", "tuned"})
            assert arms(services) != first
            change(tmp_path, "end")
            until(lambda: outside(services))
            assert (published(services).state, published(services).segment) == ("ended", 2)
            rows = fairtrial_json("experiment", "status", NAME, cwd=tmp_path)["transitions"]
            assert [(row["action"], row["segment"]) for row in rows] == [("end", 2), ("rearm", 2), ("kill", 1)]
            hashes = [row["plan_hash"] for row in fairtrial_json("config", "log", cwd=tmp_path)]
            assert len(hashes) == 4
            changed = fairtrial_json("config", "diff", hashes[-1][:12], hashes[-2][:12], cwd=tmp_path)
            assert {row["path"] for row in changed} == {"plan_hash", f"experiments.{NAME}.state"}
            now = fairtrial_json("config", "show", "--at", datetime.now(UTC).isoformat(), cwd=tmp_path)
            assert (now["plan_hash"], now["until"]) == (hashes[0], None)


def _reasons(services: ForkedServices) -> dict[str, int]:
    with open_store(services.project.layout) as store:
        client_reads.ingest(store)
        (traffic,) = store.call(by_experiment, ExperimentTraffic(experiment=NAME, since_us=0))
    return dict(traffic.reasons)


@pytest.mark.release("stories")
@pytest.mark.parametrize("broken", [False, True])
def test_without_control_a_command_changes_the_store_and_the_plan_itself(tmp_path: Path, *, broken: bool) -> None:
    path = write_project(tmp_path)
    with ForkedServices(path, workers=1, dashboard=False) as services:
        layout = services.project.layout
    if broken:
        path.write_text("version: [")
    change(tmp_path, "pause", "the base moves")
    assert read(layout.plan).plan.experiments[NAME].state == "paused"
    (row,) = fairtrial_json("experiment", "list", cwd=tmp_path)
    assert (row["name"], row["state"]) == (NAME, "paused")
    assert row["sentence"].endswith("To continue: fairtrial experiment resume tuned-vs-base --why …")
    again = fairtrial(tmp_path, "experiment", "pause", NAME, "--why", "twice")
    assert (
        again.returncode,
        "is paused (possible: approve, amend, resume, kill, end, promote, rollback)" in again.stderr,
    ) == (2, True)
    (entry, first) = fairtrial_json("config", "log", cwd=tmp_path)
    now = fairtrial(tmp_path, "config", "show").stdout
    assert now.startswith(f"{entry['plan_hash']}  in force since ") and f"experiment {NAME} paused" in now
    early = fairtrial(tmp_path, "config", "show", "--at", "2020-01-01")
    assert (early.returncode, "no configuration was in force at 2020-01-01 00:00:00 UTC" in early.stderr) == (2, True)
    assert (entry["actor"], first["actor"]) == (local_actor(), None)
    said = change(tmp_path, "kill", "answers in French")
    assert f"by {local_actor()}: answers in French. All traffic is on base. To start it again:" in said
    assert (read(layout.plan).plan.experiments[NAME].state, standing_kills(layout.folder)) == ("killed", [])
