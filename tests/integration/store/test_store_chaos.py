"""Writers and the owner of a store are killed again and again: what was acknowledged is stored exactly once."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.paths import ROOT
from tests.fixtures.services import fork_server

WRITERS = 2
ROUNDS = 24


def start(module: str, argument: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("ab") as file:
        command = [sys.executable, "-m", f"tests.fixtures.store.{module}", str(argument)]
        return fork_server.Popen(command, cwd=ROOT, stdout=file)


def grew(output: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the program has said something new."""
    before = output.stat().st_size
    while output.stat().st_size == before:
        assert process.poll() is None
        try:
            process.wait(0.005)
        except subprocess.TimeoutExpired:
            continue


def test_writers_and_owner_are_killed_and_every_acknowledged_event_is_stored_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "fairtrial.duckdb").make()
    acknowledged_file, dots = tmp_path / "said", tmp_path / "dots"
    acknowledged_file.touch()
    dots.touch()
    draw = random.Random(20261124)
    writers = [start("chaos_writer", layout.journal, acknowledged_file) for _ in range(WRITERS)]
    owner = start("chaos_owner", layout.store, dots)
    for _ in range(ROUNDS):
        if draw.random() < 0.5:
            grew(dots, owner)
            owner.kill()
            owner.wait()
            owner = start("chaos_owner", layout.store, dots)
        else:
            victim = draw.randrange(WRITERS)
            grew(acknowledged_file, writers[victim])
            writers[victim].kill()
            writers[victim].wait()
            writers[victim] = start("chaos_writer", layout.journal, acknowledged_file)
    for process in (*writers, owner):
        process.kill()
        process.wait()

    acknowledged = {line for line in acknowledged_file.read_text().splitlines(keepends=True) if line.endswith("\n")}
    database = Database.open(layout)
    Ingester(database, lambda: 1).catch_up()
    stored = [f"{name}\n" for (name,) in database.rows("SELECT request_id FROM requests")]
    exposed = {f"{name}\n" for (name,) in database.rows("SELECT request_id FROM requests WHERE enrolled")}
    waiting = {f"{name}\n" for (name,) in database.rows("SELECT request_id FROM exposures")}
    database.close()
    assert len(acknowledged) > 100
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored)
    assert acknowledged <= exposed
    assert not waiting & exposed
