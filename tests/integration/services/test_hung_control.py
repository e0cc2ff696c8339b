"""A hung control process is named within seconds, by commands and pages, and what still works beside it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.config.plan.live_state import standing_kills
from fairtrial.domain.errors import CONTROL_SILENT
from tests.fixtures.paths import ROOT
from tests.fixtures.services.command import in_process
from tests.fixtures.store.maintenance_fixture import end, project, start_control
from tests.fixtures.waiting import PATIENCE

APP = str(ROOT / "dashboard" / "app.py")
NAME = "tuned-vs-base"
GATE = """\
version: 1
gate: release
experiment: tuned-vs-base
require:
  - live.primary better than base
"""
STATUS = ("experiment", "status", NAME)
OTHERS = (
    ("experiment", "list"),
    ("experiment", "promote", NAME, "--why", "SHIP"),
    ("verdict", "verify"),
    ("verdict", "list"),
    ("review", "status"),
    ("gate", "release.gate.yaml", "--candidate", "tuned", "--baseline", "base"),
)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Iterator[Path]:
    project(tmp_path)
    control = start_control(tmp_path)
    try:
        os.kill(control.pid, signal.SIGSTOP)
        yield tmp_path
    finally:
        os.kill(control.pid, signal.SIGCONT)
        end(control)


def assert_named(folder: Path, *command: str) -> None:
    done = in_process(*command, cwd=folder)
    assert (done.returncode, done.stdout) == (CONTROL_SILENT, ""), done.stderr
    assert "control does not answer" in done.stderr and "Traffic is still served" in done.stderr
    assert "fairtrial experiment kill" in done.stderr and "was not sent" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_names_a_hung_control_and_a_kill_still_works(folder: Path) -> None:
    layout = Layout(folder / "fairtrial.duckdb")
    assert_named(folder, *STATUS)
    done = in_process("experiment", "kill", NAME, "--why", "French", cwd=folder)
    assert (done.returncode, len(standing_kills(layout.folder))) == (0, 1), done.stderr


@pytest.mark.release("attacks")
def test_every_command_that_asks_control_names_a_hung_one(folder: Path) -> None:
    (folder / "release.gate.yaml").write_text(GATE)
    for command in OTHERS:
        assert_named(folder, *command)


def test_a_page_says_that_control_hangs_and_how_to_stop_an_experiment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = read_note(Layout(folder / "fairtrial.duckdb"))
    assert note is not None and note.control_url is not None
    monkeypatch.setenv("FAIRTRIAL_CONTROL_URL", note.control_url)
    page = AppTest.from_file(APP, default_timeout=PATIENCE).run()
    assert not page.exception
    (error,) = page.error
    assert "ontrol does not answer" in error.value and "fairtrial experiment kill" in error.value
