"""A store whose file was set back to an older copy is noticed by the head of the audit trail beside the plan."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.api.alarms import AlarmRow, ListAlarms, listing
from fairtrial.config.layout import Layout
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.command import in_process
from tests.fixtures.store import samples
from tests.fixtures.store.maintenance_fixture import end, fairtrial_json, project, start_control


def alarms(layout: Layout) -> list[AlarmRow]:
    with open_store(layout) as store:
        return [row for row in store.call(listing, ListAlarms()) if row.kind == "store.older"]


def with_a_later_key(folder: Path) -> tuple[Layout, Path]:
    """A store with two keys, and a copy of its file from the time of the first one."""
    layout = project(folder)
    fairtrial_json("keys", "create", "first", cwd=folder)
    copy = folder / "older.duckdb"
    shutil.copy(layout.store, copy)
    fairtrial_json("keys", "create", "second", cwd=folder)
    return layout, copy


@pytest.mark.parametrize("running", [True, False])
def test_an_older_copy_raises_one_alarm_that_says_what_is_missing(tmp_path: Path, *, running: bool) -> None:
    layout, copy = with_a_later_key(tmp_path)
    assert alarms(layout) == []
    copy.replace(layout.store)
    for _ in range(2):
        control = start_control(tmp_path) if running else None
        try:
            (alarm,) = alarms(layout)
        finally:
            if control is not None:
                end(control)
        assert alarm.state == "open" and "older copy" in alarm.text and "entry" in alarm.text


def test_a_missing_file_is_noticed_and_a_restored_backup_is_not(tmp_path: Path) -> None:
    layout = project(tmp_path)
    fairtrial_json("keys", "create", "first", cwd=tmp_path)
    fairtrial_json("store", "backup", "monday", cwd=tmp_path)
    fairtrial_json("keys", "create", "second", cwd=tmp_path)
    restored = in_process("store", "restore", "monday", "--force", cwd=tmp_path)
    assert restored.returncode == 0, restored.stderr
    assert alarms(layout) == []
    layout.store.unlink()
    refused = in_process("store", "info", cwd=tmp_path)
    assert refused.returncode == 2 and "store restore monday --force" in refused.stderr


def test_an_empty_store_beside_records_raises_the_alarm(tmp_path: Path) -> None:
    layout = project(tmp_path)
    layout.make()
    assert alarms(layout) == []
    for path in (layout.store, layout.chain_head, layout.internal_key):
        path.unlink(missing_ok=True)
    with closing(JournalWriter(layout.journal, writer="w")) as writer:
        writer.append(samples.request(1))
    (alarm,) = alarms(layout)
    assert "The store is new, but" in alarm.text
