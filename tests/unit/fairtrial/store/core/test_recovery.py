"""A store that can't be used is reported with advice, and damage is recorded for the file that has it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import is_owned
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.store.access import audit
from fairtrial.store.core import recovery
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.core.recovery import advice, unusable_on_error
from fairtrial.store.maintenance.backup import make_backup
from fairtrial.store.restore import begin_new

NOW = 1_800_000_000_000_000
HEADERS = 3 * 4096


@pytest.fixture(name="filled")
def filled_fixture(layout: Layout) -> Layout:
    """A store of many blocks, closed."""
    database = Database.open(layout)
    with database.transaction() as cursor:
        # by hand: a file of many blocks, whatever they hold
        cursor.execute("INSERT INTO settings SELECT 'k' || i, repeat('x', 500) || i FROM range(20_000) t(i)")
    database.close()
    return layout


def damage(store: Path) -> None:
    """Blocks that opening the store does not read."""
    with store.open("r+b") as file:
        file.seek(HEADERS + 2**18)
        file.write(os.urandom(2**19))


MEET = """
import os, sys
from pathlib import Path
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.store.core.database import Database
database = Database.open(Layout(Path(sys.argv[1])))
assert database.failure() is None
try:
    database.rows("SELECT max(value) FROM settings")
except StoreError as error:
    print(error)
print(database.failure(), flush=True)
os._exit(0)
"""
"""As control does it: it ends without closing the store, which would write to the file."""


def test_damage_that_a_query_meets_is_refused_at_the_next_start_until_the_file_changes(filled: Layout) -> None:
    damage(filled.store)
    met = subprocess.run([sys.executable, "-c", MEET, filled.store], capture_output=True, text=True, check=True)
    assert met.stdout.startswith("the store's file is damaged")
    assert "Corrupt database file" in met.stderr, "the log has the engine's words"
    assert "No backup of it was found" in met.stdout
    with pytest.raises(StoreError, match="it was found damaged") as refused:
        Database.open(filled)
    assert str(filled.damage) in str(refused.value)
    assert not is_owned(filled)
    os.utime(filled.store, (1, 1))
    Database.open(filled).close()
    assert not filled.damage.exists()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda store: store.unlink(), "removed"),
        (lambda store: store.write_bytes(os.urandom(100_000)), "overwritten"),
        (lambda store: os.truncate(store, 0), "overwritten"),
        (lambda store: store.with_name("other").rename(store), "replaced"),
    ],
)
def test_a_file_that_is_changed_under_an_open_store_is_noticed(layout: Layout, harm: object, words: str) -> None:
    assert callable(harm)
    database = Database.open(layout)
    layout.store.with_name("other").write_bytes(layout.store.read_bytes())
    assert database.failure() is None
    harm(layout.store)
    assert words in (database.failure() or "")
    assert not layout.damage.exists()
    database.lock.release()


def test_a_copy_that_replaces_the_store_itself_is_no_failure(layout: Layout) -> None:
    database = Database.open(layout)
    copy = layout.folder / "copies" / "new.duckdb"
    fresh = Layout(layout.folder / "fresh.duckdb")
    Database.open(fresh).close()
    copy.parent.mkdir(exist_ok=True)
    fresh.store.rename(copy)
    with database.exclusive():
        database.replace_file(copy)
    assert database.failure() is None
    database.close()


@pytest.mark.parametrize("size", [0, None])
def test_a_store_that_control_had_is_not_made_again_empty(layout: Layout, size: int | None) -> None:
    Database.open(layout).close()
    layout.plan.write_text("{}")
    layout.internal_key.write_text("ft-x")
    layout.store.unlink() if size is None else os.truncate(layout.store, size)
    with pytest.raises(StoreError, match="the file is gone" if size is None else "the file is empty"):
        Database.open(layout)
    assert layout.store.exists() == (size is not None)
    layout.plan.unlink()
    with pytest.raises(StoreError, match=r"begin with an empty store: fairtrial store new .* Every experiment waits"):
        Database.open(layout)
    former = begin_new(layout, why="the disk failed", now_us=NOW)
    assert (former is None) == (size is None)
    with pytest.raises(UsageError, match="the store can be used"):
        begin_new(layout, why="the disk failed", now_us=NOW)
    with closing(Database.open(layout)) as database, database.read_cursor() as cursor:
        assert audit.is_set_back(cursor)


def test_a_store_that_this_program_must_not_open_is_not_replaced(layout: Layout) -> None:
    with closing(Database.open(layout)) as database, database.transaction() as cursor:
        # by hand: a store of a newer program
        cursor.insert("schema_migrations", number=9_999, at_time=timestamp(NOW))
    with pytest.raises(StoreError, match="of a newer fairtrial"):
        begin_new(layout, why="the disk failed", now_us=NOW)


def test_the_newest_backup_that_is_whole_is_named(layout: Layout, tmp_path: Path) -> None:
    database = Database.open(layout)
    for number, name in enumerate(("old", "new", "cut")):
        made = make_backup(database, tmp_path / name, now_us=NOW + number, actor="test")
        assert Path(made.path).is_dir()
    database.close()
    os.truncate(tmp_path / "cut" / "fairtrial.duckdb", 10)
    assert recovery.newest(layout) == recovery.KnownBackup(tmp_path / "new", NOW + 1)
    assert f"of 2027-01-15 08:00 UTC: fairtrial store restore {tmp_path / 'new'} --force" in advice(layout, "broken")
    layout.backups.unlink()  # as in a folder of an earlier release
    assert recovery.newest(layout) == recovery.KnownBackup(tmp_path / "new", NOW + 1)


def test_what_a_backup_does_not_help_against_gets_other_advice(layout: Layout) -> None:
    for code, words in ((errno.ENOSPC, "Free space on the disk"), (errno.EACCES, "Give the user that runs fairtrial")):
        with pytest.raises(StoreError, match=words), unusable_on_error(layout):
            raise OSError(code, os.strerror(code), str(layout.store))
    assert advice(layout, "schema 99, of a newer fairtrial").startswith(
        "Start it with that version of fairtrial or a newer one"
    )
