"""A store that can't be used stops control alone: traffic goes on, and a restored store is taken up again."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial.api.operation import Nothing
from fairtrial.api.store import overview
from fairtrial.config.plan.live_state import standing_kills
from fairtrial.config.plan.published import read
from fairtrial.domain.errors import STORE_UNUSABLE
from fairtrial_cli.processes.services import Services
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services import command
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.process_tree import children
from tests.fixtures.services.project_files import write_project
from tests.fixtures.services.services_fixture import Load, fairtrial, up, wait_until_up
from tests.fixtures.store import client_reads
from tests.fixtures.store.kept_project import as_made, overwrite
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

ASKED = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}], "user": "u"}


def ready(url: str) -> dict[str, str]:
    try:
        answer = httpx.get(f"{url}/readyz", trust_env=False)
    except httpx.HTTPError:
        return {}
    return dict(answer.json()) if answer.status_code == 200 else {}


@pytest.fixture(name="made", scope="module")
def made_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A project that has served, with a backup, and a copy of it as it was; nothing runs but its upstream."""
    here = tmp_path_factory.mktemp("made")
    folder = here / "project"
    folder.mkdir()
    with FakeUpstream() as upstream:
        project = write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1)
        with ForkedServices(project, workers=1, dashboard=False) as services:
            assert httpx.post(f"{services.urls.api}/chat/completions", json=ASKED).status_code == 200
            with open_store(services.project.layout) as owner:
                client_reads.ingest(owner)
            assert fairtrial(folder, "store", "backup", "backups/monday").returncode == 0
        shutil.copytree(folder, here / "kept")
        yield folder, here / "kept"


@pytest.fixture(name="folder")
def folder_fixture(made: tuple[Path, Path]) -> Path:
    return as_made(made)


@pytest.mark.release("kills")
def test_up_serves_without_the_store_and_takes_it_up_when_it_is_restored(folder: Path) -> None:
    store = folder / "fairtrial.duckdb"
    overwrite(store)
    process = up(folder, "--workers", "1")
    output = wait_until_up(process)
    assert "The gateway serves the configuration of 20" in output
    urls = {line.split()[0]: line.split()[1] for line in output.splitlines() if "http" in line}
    gateway, control = urls["gateway"], urls["control"]
    assert httpx.post(f"{gateway}/chat/completions", json=ASKED).status_code == 200
    refused = fairtrial(folder, "store", "info")
    assert refused.returncode == 2
    assert "store restore backups/monday --force" in refused.stderr
    restored = fairtrial(folder, "store", "restore", "backups/monday", "--force")
    assert restored.returncode == 0, restored.stderr
    until(lambda: ready(control).get("store") == "ok")
    with_more = fairtrial(folder, "store", "info", "--json")
    assert json.loads(with_more.stdout)["rows"]["requests"] == 2
    until(lambda: ready(gateway.removesuffix("/v1")).get("plan") == "in_force")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "store restore backups/monday --force" in error
    assert error.count("not a valid DuckDB database file") == 1, error


@pytest.mark.release("stories")
def test_a_kill_with_a_damaged_store_reaches_the_workers_and_is_recorded_when_the_store_is_restored(
    folder: Path,
) -> None:
    services = ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False, without_store=True)
    with services:
        layout = services.project.layout
        overwrite(layout.store)
        until(lambda: services.children["control"].store_error is not None)
        done = fairtrial(folder, "experiment", "kill", "tuned-vs-base", "--why", "answers in French")
        assert done.returncode == 0, done.stderr
        assert "All traffic is on base. Control has not recorded it yet." in done.stdout
        assert "The store can't record it now: " in done.stdout
        (path,) = standing_kills(layout.folder)
        assert f"The gateway's workers obey {path} within a second." in done.stdout
        until(lambda: reason(services.urls.api) == "kill")
        status = fairtrial(folder, "experiment", "status", "tuned-vs-base")
        assert (status.returncode, "tuned-vs-base: STOPPED at " in status.stderr) == (2, True)

        def is_restored() -> bool:  # a control that is tried again this moment has the lock
            return fairtrial(folder, "store", "restore", "backups/monday", "--force").returncode == 0

        until(is_restored)
        until(lambda: not standing_kills(layout.folder))
        assert reason(services.urls.api) == "kill"
        assert read(layout.plan).plan.experiments["tuned-vs-base"].state == "killed"
        rows = json.loads(fairtrial(folder, "experiment", "status", "tuned-vs-base", "--json").stdout)["transitions"]
        assert [(row["action"], row["why"]) for row in rows] == [("kill", "answers in French")]


def reason(url: str) -> str:
    """Why the variant served that serves now."""
    return httpx.post(f"{url}/chat/completions", json=ASKED).headers["x-fairtrial-reason"]


@pytest.mark.release("kills")
def test_damage_and_kills_under_traffic_fail_no_request_and_lose_no_record(folder: Path) -> None:
    store = folder / "fairtrial.duckdb"
    services = ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False, without_store=True)
    with services:
        gateway, control = services.children["gateway"].pid, services.children["control"]
        load = Load(services.urls.api)
        try:
            overwrite(store)
            until(lambda: control.store_error is not None)
            restarts = control.restarts

            def is_tried_again() -> bool:
                if control.pid is not None:
                    os.kill(control.pid, signal.SIGKILL)
                return control.restarts > restarts + 1

            until(is_tried_again)
            seen = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > seen + 20)

            def is_restored() -> bool:  # a control that is tried again this moment has the lock
                return fairtrial(folder, "store", "restore", "backups/monday", "--force").returncode == 0

            until(is_restored)
            until(lambda: ready(services.urls.control).get("store") == "ok")
        finally:
            load.stop()
        assert load.broken == 0
        assert services.children["gateway"].pid == gateway
    with open_store(services.project.layout) as owner:
        client_reads.ingest(owner)
        assert owner.call(overview, Nothing()).rows["requests"] == len(load.acknowledged) + 1


def test_a_damaged_block_ends_control_until_the_file_is_another_one(folder: Path) -> None:
    with open_store(Services(folder / "fairtrial.yaml", dashboard=False).project.layout) as owner:
        assert owner.call(overview, Nothing()).rows["requests"] == 1
    store = folder / "fairtrial.duckdb"
    services = ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False, without_store=True)
    with store.open("r+b") as file:  # all but the headers: opening the store reads little else
        file.seek(3 * 4096)
        file.write(os.urandom(store.stat().st_size - 3 * 4096))
    with services:
        until(lambda: services.children["control"].store_error is not None)
        assert httpx.post(f"{services.urls.api}/chat/completions", json=ASKED).status_code == 200
        assert ready(services.urls.gateway)["status"] == "ok"


def test_control_alone_ends_with_a_code_of_its_own(folder: Path) -> None:
    os.truncate(folder / "fairtrial.duckdb", 0)
    done = command.fairtrial("control", cwd=folder)
    assert done.returncode == STORE_UNUSABLE
    assert "the file is empty" in done.stderr
    assert "store restore backups/monday --force" in done.stderr


def test_without_a_plan_there_is_nothing_to_serve_by_and_up_says_so(tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / "fairtrial.duckdb").write_bytes(os.urandom(100_000))
    done = command.fairtrial("up", "--no-dashboard", cwd=tmp_path)
    assert done.returncode == 2
    assert "not a valid DuckDB database file" in done.stderr
    assert "No configuration was published before" in done.stderr
    assert "No backup of it was found" in done.stderr


def test_a_store_that_was_deleted_is_not_replaced_by_an_empty_one(folder: Path) -> None:
    (folder / "fairtrial.duckdb").unlink()
    done = fairtrial(folder, "store", "info")
    assert done.returncode == 2
    assert "the file is gone" in done.stderr
    assert not (folder / "fairtrial.duckdb").exists()
    assert fairtrial(folder, "store", "restore", "backups/monday").returncode == 0


@pytest.mark.release("kills")
def test_a_journal_that_is_no_folder_stops_neither_up_nor_traffic(folder: Path) -> None:
    journal = folder / "fairtrial.duckdb.d" / "journal"
    journal.rename(folder / "aside")
    journal.write_text("no folder")
    services = ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False, without_store=True)
    with services:
        assert httpx.post(f"{services.urls.api}/chat/completions", json=ASKED).status_code == 200
        until(lambda: ready(services.urls.gateway).get("recording") == "losing")
        journal.unlink()
        (folder / "aside").rename(journal)
        until(lambda: ready(services.urls.gateway).get("recording") == "ok")
        until(lambda: ready(services.urls.control).get("store") == "ok")


@pytest.mark.release("kills")
def test_a_worker_that_dies_while_nothing_can_be_written_is_replaced(folder: Path) -> None:
    project = folder / "fairtrial.yaml"
    with ForkedServices(project, workers=1, dashboard=False, forks_children=False) as services:
        gateway = services.children["gateway"].pid
        assert gateway is not None
        before = children(gateway)
        _, most = resource.prlimit(gateway, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway, resource.RLIMIT_FSIZE, (0, most))  # its log, and all that its new worker writes
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(children(gateway)) == 1 and children(gateway) != before)
        until(lambda: ready(services.urls.gateway).get("recording") == "losing")
        assert httpx.post(f"{services.urls.api}/chat/completions", json=ASKED).status_code == 200
        assert services.children["gateway"].pid == gateway
        secret = {"authorization": f"Bearer {services.project.layout.admin_key.read_text().strip()}"}
        seen = httpx.get(f"{services.urls.control}/api/services", headers=secret).json()["gateway"]
        assert (seen["ready"], seen["recording"]) == (True, "losing")  # what the Overview shows


@pytest.mark.release("stories")
def test_health_and_the_terminal_name_a_refused_configuration_and_no_secret(folder: Path) -> None:
    process = up(folder, "--workers", "1")
    output = wait_until_up(process)
    urls = {line.split()[0]: line.split()[1].removesuffix("/v1") for line in output.splitlines() if "http" in line}
    path = folder / "fairtrial.yaml"
    sound = path.read_text()
    path.write_text(sound.replace("model: openai/base,", "model: openai/base, api_key: [sk-canary],") + "nonsense: 1\n")
    doors = [f"{urls[name]}/readyz" for name in ("gateway", "control")]
    until(lambda: ready(urls["gateway"]).get("plan") == "refused")
    as_json = fairtrial(folder, "health", *doors, "--json")
    assert as_json.returncode == 0
    assert [service["said"]["plan"] for service in json.loads(as_json.stdout)["services"]] == ["refused", "refused"]
    as_text = fairtrial(folder, "health", *doors)
    assert (as_text.returncode, as_text.stdout) == (0, "ok, with 2 alarms\n")
    path.write_text(sound)
    until(lambda: ready(urls["gateway"]).get("plan") == "in_force")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=PATIENCE)
    logs = folder / "fairtrial.duckdb.d" / "logs"
    control = (logs / "control.log").read_text()
    assert control.count("the configuration was refused") == 1
    assert "nonsense: unknown field" in control
    assert "sk-canary" not in error + control + (logs / "gateway.log").read_text() + as_json.stdout
