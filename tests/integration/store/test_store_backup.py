"""A backup is made while lines come in, and is the same store elsewhere: same rows, same verdicts, nothing twice."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fairtrial.api import keys as key_operations
from fairtrial.api.keys import CreateKey
from fairtrial.api.operation import Window
from fairtrial.config.layout import Layout
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.access import accounts, credentials
from fairtrial.store.core.database import Database
from fairtrial.store.core.recovery import read_manifest
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.command import fairtrial_on_a_full_disk, in_process
from tests.fixtures.services.gate_project import GATE, record, write_gate_project
from tests.fixtures.store import client_reads, samples
from tests.fixtures.store.maintenance_fixture import end, fairtrial_json, project, start_control
from tests.fixtures.store.stored_verdict import VERDICT, store_verdict


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return project(tmp_path / "here")


def stored(layout: Layout) -> tuple[int, int]:
    """Requests in a store, and different ones."""
    database = Database.open(layout)
    try:
        ((rows, different),) = database.rows("SELECT count(*), count(DISTINCT request_id) FROM requests")
        return rows, different
    finally:
        database.close()


@pytest.mark.release("stories")
def test_a_backup_under_ingest_is_the_same_store_elsewhere(layout: Layout, tmp_path: Path) -> None:
    here = layout.store.parent
    store_verdict(layout, VERDICT)
    control = start_control(here)
    ending = threading.Event()
    writer = JournalWriter(layout.journal, writer="w")

    def traffic() -> None:
        number = 0
        while not ending.wait(0.002):
            writer.append(samples.request(number, request_body="{}"), samples.exposure(number))
            number += 1

    writer.append(samples.case_result(), samples.score(), samples.run())
    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        with open_store(layout) as owner:
            owner.call(key_operations.create, key_operations.CreateKey(name="app", rights=("complete",)))
        made = fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
        again = in_process("store", "backup", tmp_path / "b1", cwd=here)
    finally:
        ending.set()
        thread.join()
        writer.close()
    assert again.returncode == 2
    assert "exists already" in again.stderr
    info = fairtrial_json("store", "info", cwd=here)
    assert info["last_backup"]["path"] == made["path"]
    assert info["rows"]["requests"] > made["rows"]["requests"] > 0
    assert made["rows"]["requests"] == made["rows"]["payloads"]
    end(control)

    there = tmp_path / "there"
    elsewhere = project(there)
    done = fairtrial_json("store", "restore", tmp_path / "b1", cwd=there)
    assert done["since"] == 0
    with open_store(layout) as owner, open_store(elsewhere) as copy:
        assert client_reads.list_verdicts(copy) == client_reads.list_verdicts(owner) == (VERDICT,)
        assert client_reads.load_run(copy, "run-1") == client_reads.load_run(owner, "run-1")
        assert [key.name for key in copy.call(key_operations.listing, Window())] == [
            key.name for key in owner.call(key_operations.listing, Window())
        ]
    assert stored(elsewhere) == (made["rows"]["requests"],) * 2
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "b1", *(tmp_path / "b1").iterdir(), elsewhere.store)]
    assert modes == [0, 0, 0, 0]


def test_a_restored_store_gets_what_its_journal_had_since_and_nothing_twice(layout: Layout, tmp_path: Path) -> None:
    here = layout.store.parent
    first, second = (JournalWriter(layout.journal, writer=name) for name in "ab")
    first.append(*(samples.request(number) for number in range(100)))
    first.close()
    second.append(*(samples.request(number) for number in range(100, 150)))
    fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
    assert read_manifest(tmp_path / "b1").positions.keys() == {path.name for path in layout.journal.glob("*.jsonl")}
    second.append(*(samples.request(number) for number in range(150, 200)))
    second.close()
    fairtrial_json("store", "info", cwd=here)
    assert list(layout.journal.glob("*.jsonl")) == []
    refused = in_process("store", "restore", tmp_path / "b1", cwd=here)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    done = fairtrial_json("store", "restore", tmp_path / "b1", "--force", cwd=here)
    assert done["since"] == 50
    assert stored(layout) == (200, 200)


def gate(folder: Path) -> dict[str, Any]:
    """What the gate says of the stored runs, without what differs from time to time."""
    done = in_process(
        "gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base", "--json", folder / "verdict.json", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    fields = json.loads((folder / "verdict.json").read_text())
    return {name: value for name, value in fields.items() if name not in ("verdict_id", "at_us")}


@pytest.mark.release("kills")
def test_the_gate_says_the_same_on_a_restored_store_and_after_old_texts_are_dropped(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    write_gate_project(here)
    (here / "gate.yaml").write_text(GATE + "max_age: 90d\n")
    shutil.copytree(here, there)
    for target, right in (("base", 150), ("tuned", 160)):
        record(here, target, right, at_us=time.time_ns() // 1000 - 40 * 86_400_000_000)
    verdict = gate(here)
    fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
    fairtrial_json("store", "restore", tmp_path / "b1", cwd=there)
    assert gate(there) == verdict
    assert fairtrial_json("store", "retain", "--days", "30", cwd=there)["dropped"]["results"] == 400
    assert gate(there) == verdict
    assert fairtrial_json("store", "info", cwd=there)["rows"]["verdicts"] == 3


def test_a_store_in_use_is_never_restored_over(layout: Layout, tmp_path: Path) -> None:
    here = layout.store.parent
    fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
    control = start_control(here)
    refused = in_process("store", "restore", tmp_path / "b1", "--force", cwd=here)
    assert refused.returncode == 2
    assert f"pid {control.pid}" in refused.stderr
    end(control)


def test_what_is_no_whole_backup_is_refused_and_the_store_stays(layout: Layout, tmp_path: Path) -> None:
    here, good = layout.store.parent, tmp_path / "good"
    fairtrial_json("store", "backup", good, cwd=here)
    before = layout.store.read_bytes()
    wrong = {name: tmp_path / name for name in ("truncated", "damaged", "newer", "future", "nothing", "words")}
    for folder in wrong.values():
        shutil.copytree(good, folder)
    store, manifest = "fairtrial.duckdb", "manifest.json"
    (wrong["truncated"] / store).write_bytes((good / store).read_bytes()[:-4096])
    (wrong["damaged"] / store).write_bytes((good / store).read_bytes()[:-1] + b"?")
    fields = json.loads((good / manifest).read_text())
    (wrong["newer"] / manifest).write_text(json.dumps(fields | {"schema": 999}))
    (wrong["future"] / manifest).write_text(json.dumps(fields | {"version": 2}))
    (wrong["nothing"] / manifest).unlink()
    (wrong["words"] / manifest).write_text("not json")
    telling = {
        "truncated": "incomplete",
        "damaged": "digest",
        "newer": "schema 999",
        "future": "version 2",
        "nothing": "not a backup",
        "words": "not the manifest",
    }
    for name, words in telling.items():
        refused = in_process("store", "restore", wrong[name], "--force", cwd=here)
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr
    assert layout.store.read_bytes() == before


def test_a_backup_that_can_not_be_finished_leaves_nothing(layout: Layout, tmp_path: Path) -> None:
    here = layout.store.parent
    writer = JournalWriter(layout.journal, writer="w")
    writer.append(*(samples.request(number, request_body=str(number) * 500) for number in range(3000)))
    writer.close()
    fairtrial_json("store", "info", cwd=here)
    size = layout.store.stat().st_size
    full = fairtrial_on_a_full_disk(size // 2, "store", "backup", tmp_path / "b1", cwd=here)
    assert full.returncode == 2, full.stderr
    assert "the backup failed and was removed" in full.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert list((layout.folder / "copies").iterdir()) == []
    assert stored(layout) == (3000, 3000)


def test_folders_above_a_backup_are_made_and_an_unusable_place_is_refused(layout: Layout, tmp_path: Path) -> None:
    here = layout.store.parent
    made = fairtrial_json("store", "backup", "backups/2026/b1", cwd=here)
    assert Path(made["path"]) == here / "backups" / "2026" / "b1"
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    places = {
        tmp_path / "file" / "b": "is not a folder that the store's owner can write to",
        tmp_path / "link": "exists already",
        tmp_path / ("x" * 300): "used for a backup",
        layout.folder / "copies" / "b": "emptied",
        here / "new" / "..": "exists already",
    }
    for place, words in places.items():
        refused = in_process("store", "backup", place, cwd=here)
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "here", "link"]


def test_nobody_is_signed_in_or_invited_in_a_restored_store_and_accounts_and_keys_stay(
    layout: Layout, tmp_path: Path
) -> None:
    now_us, here = time.time_ns() // 1000, layout.store.parent
    database = Database.open(layout)
    made = accounts.invite(database, "Ada", "admin", actor="test", now_us=now_us)
    accounts.accept(database, made.token, name="Ada", password="a long enough password", now_us=now_us)
    credentials.begin_session(database, made.account_id, now_us=now_us)
    accounts.invite(database, "Bob", "reviewer", actor="test", now_us=now_us)
    credentials.create_key(database, CreateKey(name="app"), now_us=now_us)
    database.close()
    fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
    fairtrial_json("store", "restore", tmp_path / "b1", "--force", cwd=here)
    database = Database.open(layout)
    assert database.rows("SELECT count(*) FROM sessions") == database.rows("SELECT count(*) FROM invitations") == [(0,)]
    assert {row["name"] for row in database.dicts(accounts.listing())} == {"Ada", "Bob"}
    assert [row["name"] for row in database.dicts(credentials.list_keys())] == ["app"]
    database.close()
