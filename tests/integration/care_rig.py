"""A project whose control process runs, whose journal is written by the test, and whose commands are real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairtrial.config.layout import Layout
from fairtrial.store.owner_lock import read_note
from tests.fixtures.segment_bytes import content
from tests.integration.project_files import write_project

PATIENCE = 90.0


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


def fairtrial(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end."""
    command = [sys.executable, "-m", "fairtrial.cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)


def fairtrial_json(*arguments: str | Path, cwd: Path) -> Any:
    """What a command prints with ``--json``."""
    done = fairtrial(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def project(folder: Path) -> Layout:
    """A project in a new folder, with the folders of its store."""
    folder.mkdir(parents=True, exist_ok=True)
    write_project(folder)
    return Layout(folder / "fairtrial.duckdb").make()


def start_control(folder: Path, store: str = "fairtrial.duckdb") -> subprocess.Popen[bytes]:
    """The control process, once it says where it is."""
    command = [sys.executable, "-m", "fairtrial.cli.main", "control"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    layout = Layout(folder / store)

    def announced() -> bool:
        assert process.poll() is None
        note = read_note(layout)
        return note is not None and note.control_url is not None and note.pid == process.pid

    eventually(announced)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(PATIENCE)


def files_with(text: bytes, *places: Path) -> list[str]:
    """Every file in these folders whose bytes hold the text, the store and its log and compressed segments included."""
    found = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [str(path) for path in found if _holds(path, text)]


def _holds(path: Path, text: bytes) -> bool:
    """Also decompressed; not if a running service has just deleted it."""
    try:
        return text in path.read_bytes() or text in content(path)
    except FileNotFoundError:
        return False


os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
