"""`fairtrial up` starts everything, refuses a second start before anything is begun, and ends everything."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.config.owner_lock import is_owned
from fairtrial.config.project import load_project
from fairtrial.domain.errors import PortTaken, StoreLocked
from fairtrial_cli.processes.services import Services
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.project_files import write_project
from tests.fixtures.services.services_fixture import up, wait_until_up
from tests.fixtures.store import client_reads
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.release("stories")
def test_traffic_flows_and_is_seen_and_a_dead_control_comes_back(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        project = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        with Services(project, workers=2, dashboard=False) as services:
            for number in range(10):
                body = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}], "user": f"u{number}"}
                assert httpx.post(f"{services.urls.api}/chat/completions", json=body).status_code == 200
            with open_store(services.project.layout) as owner:
                client_reads.ingest(owner)
                (traffic,) = owner.call(by_experiment, ExperimentTraffic(since_us=0))
            assert sum(variant.units for variant in traffic.variants) == 10
            first = services.children["control"].pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            until(lambda: services.children["control"].pid not in (None, first))
            health = f"{services.urls.control}/readyz"

            def answers() -> bool:
                try:
                    return httpx.get(health).status_code == 200
                except httpx.HTTPError:
                    return False

            until(answers)
    assert not is_owned(services.project.layout)


def test_the_second_up_on_a_store_exits_with_2_and_names_the_owner(tmp_path: Path) -> None:
    write_project(tmp_path)
    first = up(tmp_path)
    said = wait_until_up(first)
    url = said.split()[1]
    assert url.endswith("/v1")
    second = up(tmp_path)
    _, error = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2
    assert "owns this store" in error
    assert f"This project is already running, with its gateway at {url}." in error
    first.send_signal(signal.SIGTERM)
    _, error = first.communicate(timeout=PATIENCE)
    assert "base, tuned: nothing responds at http://127.0.0.1:9/v1" in error
    assert first.returncode == 0
    assert not is_owned(load_project(tmp_path / "fairtrial.yaml", {}).layout)


@pytest.mark.release("kills")
def test_of_two_ups_at_the_same_moment_one_runs_and_the_other_exits_with_2(tmp_path: Path) -> None:
    write_project(tmp_path)
    both = [up(tmp_path), up(tmp_path)]
    until(lambda: any(one.poll() is not None for one in both))
    lost, won = sorted(both, key=lambda one: one.poll() is None)
    assert lost.returncode == 2
    assert "this store" in lost.communicate()[1]
    wait_until_up(won)
    won.send_signal(signal.SIGTERM)
    won.communicate(timeout=PATIENCE)
    assert won.returncode == 0


@pytest.mark.release("stories")
def test_a_service_that_dies_is_named_and_started_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Services(write_project(tmp_path), dashboard=False) as services:
        first = services.children["control"].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: services.children["control"].pid not in (None, first))
    assert "control exited with code -9; restarting it" in capfd.readouterr().err


@pytest.mark.release("stories")
def test_a_gateway_that_dies_while_the_file_is_broken_comes_back_with_the_last_good_plan(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"), workers=1)
        with Services(path, workers=1, dashboard=False) as services:
            path.write_text(path.read_text().replace("unit: user", "unite: user"))
            first = services.children["gateway"].pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            until(lambda: services.children["gateway"].pid not in (None, first))

            def answers() -> bool:
                body = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}], "user": "u"}
                try:
                    return httpx.post(f"{services.urls.api}/chat/completions", json=body).status_code == 200
                except httpx.HTTPError:
                    return False

            until(answers)


def test_children_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    write_project(tmp_path)
    parent = up(tmp_path)
    wait_until_up(parent)
    children = [
        int(pid) for pid in Path(f"/proc/{parent.pid}/task").glob("*/children") for pid in pid.read_text().split()
    ]
    assert len(children) == 2
    parent.kill()
    parent.communicate(timeout=PATIENCE)
    until(lambda: not any(map(alive, children)))


def test_a_port_in_use_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    path = write_project(tmp_path)
    control = load_project(path, {}).control
    with socket.create_server((control.host, control.port)):
        services = Services(path, dashboard=False)
        with pytest.raises(PortTaken, match=rf"{control.port} is in use[\s\S]*fairtrial init DIR --port \d+"):
            services.start()
    assert all(child.pid is None for child in services.children.values())


def test_a_store_in_use_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    path = write_project(tmp_path)
    services = Services(path, dashboard=False)
    with open_store(services.project.layout.make()), pytest.raises(StoreLocked, match="owns this store"):
        services.start()
    assert all(child.pid is None for child in services.children.values())


@pytest.mark.release("stories")
def test_a_service_that_can_not_start_says_why(tmp_path: Path) -> None:
    path = write_project(tmp_path)
    services = Services(path, dashboard=False)
    path.write_text("version: 1\nnonsense: yes\n")
    with pytest.raises(Exception, match=r"could not start:[\s\S]*nonsense"):
        services.start()
    assert all(child.pid is None for child in services.children.values())
