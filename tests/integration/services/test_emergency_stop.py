"""A kill reaches the workers whatever state control, the store and the disk are in, and is recorded once, later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.api.operation import Nothing
from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.api.verdicts import integrity
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import local_actor, read_note
from fairtrial.config.plan.live_state import RESERVE_BYTES, UNREADABLE, standing_kills
from fairtrial.config.plan.published import read
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.loaded_modules import RUN_COMMANDS, loaded_by
from tests.fixtures.paths import ROOT
from tests.fixtures.services import fork_server
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.process_tree import children
from tests.fixtures.services.project_files import write_project
from tests.fixtures.services.services_fixture import fairtrial, wait_until_up
from tests.fixtures.services.small_disk import SmallDisk, disk_refused, small_disk
from tests.fixtures.store import client_reads
from tests.fixtures.store.maintenance_fixture import end, fairtrial_json, project, start_control
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, PAUSE, until

NAME = "tuned-vs-base"
WHY = "answers in French"
USERS = 24


class Traffic:
    """Users who ask without pause, each on a new connection; ``served`` has the variant and the reason of each answer.

    ``broken`` counts the answers that a killed worker did not finish.
    """

    def __init__(self, url: str) -> None:
        self.served: list[tuple[str, str]] = []
        self.broken = 0
        self._url = url
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stopped(self) -> bool:
        """Whether the control serves the next requests, of every user twice."""
        seen = len(self.served)
        until(lambda: len(self.served) >= seen + 2 * USERS)
        return set(self.served[seen:]) == {("base", "kill")}

    def end(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self._ending.wait(PAUSE):
            turn += 1
            body = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}]}
            asked = body | {"user": f"user-{turn % USERS}"}
            try:  # without reading certificates for each connection
                answer = httpx.post(f"{self._url}/chat/completions", json=asked, verify=False, trust_env=False)
            except httpx.HTTPError:
                self.broken += 1
                continue
            assert answer.status_code == 200
            self.served.append((answer.headers["x-fairtrial-variant"], answer.headers["x-fairtrial-reason"]))


@contextmanager
def traffic(url: str) -> Iterator[Traffic]:
    """Traffic that has reached both variants."""
    load = Traffic(url)
    try:
        until(lambda: {variant for variant, _ in load.served} == {"base", "tuned"})
        yield load
    finally:
        load.end()


def kill(folder: Path, *options: str) -> dict[str, Any]:
    """What the command prints, which must succeed."""
    found = fairtrial_json("experiment", "kill", NAME, "--why", WHY, *options, cwd=folder)
    assert (found["name"], found["state"]) == (NAME, "killed")
    return dict(found)


def transitions(folder: Path) -> list[tuple[str, str, str]]:
    rows = fairtrial_json("experiment", "status", NAME, cwd=folder)["transitions"]
    return [(row["action"], row["actor"], row["why"]) for row in rows]


def is_recorded(layout: Layout) -> bool:
    return not standing_kills(layout.folder)


@pytest.mark.release("kills")
def test_a_kill_stops_a_hung_control_s_workers_and_is_recorded_once_while_nobody_gets_the_killed_arm(
    tmp_path: Path,
) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        services = ForkedServices(path, workers=2, dashboard=False, forks_children=False)
        with services, traffic(services.urls.api) as load:
            layout, control = services.project.layout, services.children["control"].pid
            gateway = services.children["gateway"].pid
            assert control is not None and gateway is not None
            os.kill(control, signal.SIGSTOP)
            found = kill(tmp_path)
            assert "does not answer" in found["cause"]
            assert Path(found["file"]) in standing_kills(layout.folder)
            until(load.stopped)
            after = len(load.served)
            replace_a_worker(gateway)
            assert load.stopped()
            os.kill(control, signal.SIGCONT)
            until(lambda: is_recorded(layout), "the removal of the kill file")
            assert read(layout.plan).plan.experiments[NAME].state == "killed"
            assert load.stopped()
            assert set(load.served[after:]) == {("base", "kill")}
            assert transitions(tmp_path) == [("kill", local_actor(), WHY)]
            with open_store(layout) as store:
                assert store.call(integrity, Nothing()).intact
                client_reads.ingest(store)
                (counted,) = store.call(by_experiment, ExperimentTraffic(experiment=NAME, since_us=0))
                assert counted.reasons["kill"] >= len(load.served) - after


def replace_a_worker(gateway: int) -> None:
    before = children(gateway)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(children(gateway)) == 2 and children(gateway) != before)


@pytest.mark.release("stories")
def test_a_kill_of_a_dead_control_imports_no_store_and_is_recorded_by_its_successor(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        with ForkedServices(path, workers=2, dashboard=False) as services, traffic(services.urls.api) as load:
            control = services.children["control"].pid
            assert control is not None
            os.kill(control, signal.SIGKILL)
            command = f"{RUN_COMMANDS}\nrun('experiment kill {NAME} --why French --emergency')"
            loaded = loaded_by(command, tmp_path)
            assert not [name for name in loaded if name.startswith(("fairtrial.store", "duckdb", "httpx"))]
            until(load.stopped)
            after = len(load.served)
            until(lambda: is_recorded(services.project.layout))
            assert load.stopped()
            assert set(load.served[after:]) == {("base", "kill")}
            assert transitions(tmp_path) == [("kill", local_actor(), "French")]


@pytest.mark.release("stories")
def test_control_that_is_killed_before_it_removes_the_file_records_one_transition(tmp_path: Path) -> None:
    layout = project(tmp_path)
    end(start_control(tmp_path))
    said = fairtrial(tmp_path, "experiment", "kill", NAME, "--why", WHY, "--emergency")
    assert said.returncode == 0, said.stderr
    assert f"by {local_actor()}: {WHY}. All traffic is on base. Control has not recorded it yet." in said.stdout
    assert "Control was not asked, because of --emergency." in said.stdout
    program = [sys.executable, "-m", "tests.fixtures.control.dies_before_removal", "control"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dying = fork_server.Popen(program, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, **streams)
    assert dying.wait(PATIENCE) == -signal.SIGKILL
    assert (read(layout.plan).plan.experiments[NAME].state, is_recorded(layout)) == ("killed", False)
    control = start_control(tmp_path)
    try:
        until(lambda: is_recorded(layout))
        assert transitions(tmp_path) == [("kill", local_actor(), WHY)]
        with open_store(layout) as store:
            assert store.call(integrity, Nothing()).intact
    finally:
        end(control)


def test_a_file_that_a_person_makes_by_hand_stops_and_is_recorded(tmp_path: Path) -> None:
    layout = project(tmp_path)
    control = start_control(tmp_path)
    try:
        until(lambda: layout.kill_reserve.exists())
        assert layout.kill_reserve.stat().st_blocks * 512 >= RESERVE_BYTES
        (layout.folder / f"kill.{NAME}.json").touch()
        until(lambda: is_recorded(layout))
        assert transitions(tmp_path) == [("kill", local_actor(), UNREADABLE)]
    finally:
        end(control)


def test_without_control_the_command_writes_the_file_and_then_records_it_itself(tmp_path: Path) -> None:
    layout = project(tmp_path)
    end(start_control(tmp_path))
    unknown = fairtrial(tmp_path, "experiment", "kill", "tuned-vs-bass", "--why", WHY)
    assert (unknown.returncode, "there is no experiment 'tuned-vs-bass' (did you mean" in unknown.stderr) == (2, True)
    (layout.folder / f"kill.{NAME}.json").touch()
    listed = fairtrial(tmp_path, "experiment", "list", "--json")
    assert f"{NAME}: STOPPED at " in listed.stderr and "Control has not recorded it yet." in listed.stderr
    (row,) = json.loads(listed.stdout)
    assert (row["state"], UNREADABLE in row["sentence"], is_recorded(layout)) == ("killed", True, True)
    again = fairtrial(tmp_path, "experiment", "kill", NAME, "--why", WHY)
    assert (again.returncode, "is killed (possible: rearm, end)" in again.stderr) == (2, True)
    assert is_recorded(layout)


@contextmanager
def full_disk(place: Path) -> Iterator[tuple[SmallDisk, Layout, Traffic, Path]]:
    """Services under traffic on a full disk: the disk, its layout, the load and the file to remove.

    At the end, one kill must be recorded.
    """
    with FakeUpstream() as upstream, small_disk(place, "48m") as disk:
        write_project(disk.seen, upstream=upstream.url.removesuffix("/v1"))
        process = disk.start("up", "--no-dashboard", "--workers", "2")
        layout = Layout(disk.seen / "fairtrial.duckdb")
        try:
            printed = wait_until_up(process)
            url = next(line.split()[1] for line in printed.splitlines() if line.split()[:1] == ["gateway"])
            with traffic(url) as load:
                until(layout.kill_reserve.exists)
                filler = disk.fill()
                until(lambda: recording(url) == "losing", "a full disk")
                yield disk, layout, load, filler
            shown = json.loads(disk.run("experiment", "status", NAME, "--json").stdout)
            assert [(row["action"], row["why"]) for row in shown["transitions"]] == [("kill", WHY)]
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


@pytest.mark.release("kills")
@pytest.mark.skipif(disk_refused() is not None, reason="no disk can be mounted here")
def test_a_kill_on_a_full_disk_takes_the_reserve_and_is_recorded_when_there_is_space(tmp_path: Path) -> None:
    with full_disk(tmp_path / "disk") as (disk, layout, load, filler):
        done = disk.run("experiment", "kill", NAME, "--why", WHY, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (len(found["notes"]), layout.kill_reserve.exists()) == (1, False)
        until(load.stopped)
        after = len(load.served)
        filler.unlink()
        until(lambda: is_recorded(layout), "the removal of the kill file")
        until(layout.kill_reserve.exists, "a new reserve")
        assert load.stopped()
        assert set(load.served[after:]) == {("base", "kill")}


@pytest.mark.release("attacks")
@pytest.mark.skipif(disk_refused() is not None, reason="no disk can be mounted here")
def test_a_kill_through_the_api_on_a_full_disk_becomes_a_file_that_the_workers_obey(tmp_path: Path) -> None:
    with full_disk(tmp_path / "disk") as (_, layout, load, filler):
        state = kill_by_api(layout)
        assert state["state"] == "killed" and "Control did not complete it" in state["cause"], state
        until(load.stopped)
        filler.unlink()
        until(lambda: is_recorded(layout), "the removal of the kill file")
        assert load.stopped()


def kill_by_api(layout: Layout) -> dict[str, Any]:
    """What control answers to a page or a program that kills the experiment."""
    note, key = read_note(layout), layout.admin_key.read_text().strip()
    assert note is not None
    answer = httpx.post(
        f"{note.control_url}/api/experiments/{NAME}/kill",
        json={"why": WHY},
        headers={"authorization": f"Bearer {key}"},
        timeout=PATIENCE,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def recording(url: str) -> str:
    return str(httpx.get(f"{url.removesuffix('/v1')}/readyz", verify=False).json()["recording"])
