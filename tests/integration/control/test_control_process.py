"""The control process: owns the store, picks up plans, survives kill -9, leaves in order."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial.api import keys
from fairtrial.api.operation import Nothing, Window
from fairtrial.api.runs import LatestRuns, ListRuns, latest, listing
from fairtrial.api.store import overview
from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import is_owned, read_note
from fairtrial.config.plan.published import read
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.stored import load_table
from tests.fixtures.credentials import by_key
from tests.fixtures.services.command import fairtrial, in_process, start
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads, samples
from tests.fixtures.store.maintenance_fixture import start_control
from tests.fixtures.store.stored_verdict import VERDICT, store_verdict
from tests.fixtures.waiting import PATIENCE, until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    return tmp_path


@pytest.fixture
def layout(folder: Path) -> Layout:
    return Layout(folder / "fairtrial.duckdb")


@pytest.fixture
def control(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start_control(folder)
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def verdict(layout: Layout) -> Verdict:
    """A verdict that the store has before control starts."""
    store_verdict(layout, VERDICT)
    return VERDICT


def test_commands_ask_the_live_owner_and_open_the_store_without_one(
    verdict: Verdict, control: subprocess.Popen[bytes], layout: Layout
) -> None:
    writer = JournalWriter(layout.journal, writer="w")
    writer.append(samples.request(1), samples.exposure(1), samples.case_result(), samples.score(), samples.run())
    writer.close()

    def answers() -> list[object]:
        with open_store(layout) as owner:
            client_reads.ingest(owner)
            runs = client_reads.latest_runs(owner, suite="general", target="base")
            assert client_reads.load_run(owner, "run-1") == runs[0]
            table = load_table(owner, "run-1")
            assert owner.call(latest, LatestRuns(suite="general", target="base")) == [table.run_id]
            runs += [table.case_ids, {metric: [*values] for metric, values in table.values.items()}]
            runs += [[*table.details("general")]]
            names = [key.name for key in owner.call(keys.listing, Window())]
            return [
                runs,
                owner.call(listing, ListRuns()),
                client_reads.list_verdicts(owner),
                owner.call(by_experiment, ExperimentTraffic(since_us=0)),
                names,
                owner.call(overview, Nothing()).rows,
            ]

    live = answers()
    assert live[2] == (verdict,)
    control.terminate()
    assert control.wait(PATIENCE) == 0
    assert not is_owned(layout)
    alone = answers()
    assert alone[:-1] == live[:-1]
    assert alone[-1]["requests"] == live[-1]["requests"] == 1  # type: ignore[index]


def test_a_key_made_while_control_lives_is_in_the_plan_at_once(
    control: subprocess.Popen[bytes], layout: Layout
) -> None:
    with open_store(layout) as owner:
        made = owner.call(keys.create, keys.CreateKey(name="app", rights=("complete",), routes=("support-bot",)))
        assert made.key_id in {key.key_id for key in read(layout.plan).keys}
        owner.call(keys.revoke, keys.RevokeKey(key_id=made.key_id))
    assert made.key_id not in {key.key_id for key in read(layout.plan).keys}


def test_a_second_control_exits_with_2_and_names_the_first(control: subprocess.Popen[bytes], folder: Path) -> None:
    second = fairtrial("control", cwd=folder)
    assert second.returncode == 2
    assert f"pid {control.pid}" in second.stderr


def test_a_changed_file_reaches_the_plan_and_a_broken_one_does_not(
    control: subprocess.Popen[bytes], folder: Path, layout: Layout
) -> None:
    path, before = folder / "fairtrial.yaml", read(layout.plan).plan.plan_hash
    url = (read_note(layout) or pytest.fail("no owner")).control_url
    path.write_text(path.read_text().replace("openai/tuned", "openai/tuned-2"))
    until(lambda: read(layout.plan).plan.plan_hash != before)
    good = read(layout.plan)
    path.write_text(path.read_text().replace("unit: user", "unite: user"))
    headers = by_key(layout)
    until(lambda: httpx.get(f"{url}/api/services", headers=headers).json()["plan"]["refused"] is not None)
    assert "unite" in httpx.get(f"{url}/api/services", headers=headers).json()["plan"]["refused"]
    assert read(layout.plan) == good


def test_a_killed_control_leaves_a_store_that_the_next_one_opens(
    control: subprocess.Popen[bytes], folder: Path, layout: Layout
) -> None:
    writer = JournalWriter(layout.journal, writer="w")
    writer.append(*(samples.request(number) for number in range(500)))
    os.kill(control.pid, signal.SIGKILL)
    control.wait()
    writer.append(*(samples.request(number) for number in range(500, 1000)))
    again = start_control(folder)
    with open_store(layout) as owner:
        client_reads.ingest(owner)
        assert owner.call(overview, Nothing()).rows["requests"] == 1000
    again.terminate()
    assert again.wait(PATIENCE) == 0
    writer.close()


def test_a_broken_project_is_a_clear_error_at_the_start(folder: Path) -> None:
    path = folder / "fairtrial.yaml"
    path.write_text(path.read_text().replace("unit: user", "unite: user"))
    started = fairtrial("control", cwd=folder)
    assert started.returncode == 2
    assert "fairtrial.yaml:" in started.stderr
    assert "unite" in started.stderr


def test_control_that_is_terminated_while_it_starts_ends(folder: Path, layout: Layout) -> None:
    process = start("control", cwd=folder, stdout=subprocess.DEVNULL)
    until(lambda: is_owned(layout))
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert not is_owned(layout)


def test_a_command_that_opens_the_store_itself_leaves_no_file_that_others_can_read(
    folder: Path, layout: Layout
) -> None:
    before = os.umask(0o022)
    try:
        with open_store(layout) as owner:
            owner.call(keys.create, keys.CreateKey(name="app"))
            files = [path for path in (folder, *layout.folder.rglob("*")) if path.is_file()]
            files += folder.glob("fairtrial.duckdb*")
            assert any(path.suffix == ".wal" for path in files)
            open_to_others = [path.name for path in files if path.is_file() and path.stat().st_mode & 0o077]
        assert open_to_others == []
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_keys_and_store_speak_json(folder: Path) -> None:
    made = in_process("keys", "create", "ci", "--right", "pin", "--expires", "30d", "--json", cwd=folder)
    assert made.returncode == 0, made.stderr
    assert '"name":"ci"' in made.stdout
    assert '"rows"' in in_process("store", "info", "--json", cwd=folder).stdout
    astray = in_process("keys", "create", "ci", "--route", "support-bat", cwd=folder)
    assert (astray.returncode, "did you mean 'support-bot'?" in astray.stderr) == (2, True)
    wrong = in_process("keys", "create", "ci", "--expires", "soon", cwd=folder)
    assert wrong.returncode == 2
    assert "30d" in wrong.stderr
