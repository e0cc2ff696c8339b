"""A backup that defines what no store of fairtrial does is refused with what was found, and the store stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import msgspec
import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import UsageError
from fairtrial.named_files import digest_of
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine import migrate, migrations
from fairtrial.store.core.recovery import read_manifest, write_manifest
from fairtrial.store.maintenance.backup import make_backup
from fairtrial.store.restore import restore_backup

FOREIGN = {
    "a view": ("CREATE VIEW look AS SELECT 1", "view 'main.look'"),
    "a view in place of a table": (
        "DROP TABLE sessions; CREATE VIEW sessions AS SELECT * FROM read_text('/etc/hostname')",
        "view 'main.sessions'",
    ),
    "a macro": ("CREATE MACRO count_star() AS (SELECT 1)", "macro 'main.count_star'"),
    "a table macro": ("CREATE MACRO texts() AS TABLE SELECT * FROM read_text('/etc/*')", "macro 'main.texts'"),
    "a table": ("CREATE TABLE extra (x INTEGER)", "table 'main.extra'"),
    "a column": ("ALTER TABLE requests ADD COLUMN x INTEGER DEFAULT 1", "table 'main.requests'"),
    "a default": ("ALTER TABLE keys ALTER COLUMN rights SET DEFAULT ['admin']", "table 'main.keys'"),
    "a table that lacks": ("DROP TABLE sessions", "no table 'main.sessions'"),
    "a schema": ("CREATE SCHEMA other; CREATE TABLE other.t (x INTEGER)", "schema 'other'"),
    "a type": ("CREATE TYPE mood AS ENUM ('a')", "type 'main.mood'"),
    "a sequence": ("CREATE SEQUENCE counting", "sequence 'main.counting'"),
    "an index": ("CREATE INDEX odd ON schema_migrations (number)", "index 'main.odd'"),
    # by hand: a store of a newer program
    "another number": ("INSERT INTO schema_migrations VALUES (999, 'x', now()::TIMESTAMP)", "has schema 999"),
}


@pytest.fixture(name="made", scope="module")
def made_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The backup of a new store."""
    folder = tmp_path_factory.mktemp("made")
    database = Database.open(Layout(folder / "here" / "store.duckdb"))
    make_backup(database, folder / "b1", now_us=1, actor="test")
    database.close()
    return folder / "b1"


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    """A copy of it that the test may change."""
    return shutil.copytree(made, tmp_path / "b1")


def changed(backup: Path, sql: str) -> None:
    """Change the backup's store, and make its manifest true of it again."""
    manifest = read_manifest(backup)
    path = backup / manifest.file
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)
        connection.execute("CHECKPOINT")
    write_manifest(backup, msgspec.structs.replace(manifest, bytes=path.stat().st_size, sha256=digest_of(path)))


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_backup_with_foreign_definitions_is_refused_and_nothing_is_left(
    backup: Path, tmp_path: Path, kind: str
) -> None:
    sql, words = FOREIGN[kind]
    changed(backup, sql)
    layout = Layout(tmp_path / "there" / "store.duckdb").make()
    with pytest.raises(UsageError) as refused:
        restore_backup(backup, layout, now_us=2)
    assert words in str(refused.value)
    assert not layout.store.exists() and list(layout.folder.rglob("restore-*")) == []


def test_a_backup_that_was_not_changed_is_restored(backup: Path, tmp_path: Path) -> None:
    changed(backup, "SELECT 1")
    assert restore_backup(backup, Layout(tmp_path / "there" / "store.duckdb").make(), now_us=2).since == 0


@pytest.mark.release("upgrades")
@pytest.mark.parametrize("schema", sorted(migrations())[:-1])
def test_a_backup_of_an_older_schema_is_restored(backup: Path, tmp_path: Path, schema: int) -> None:
    manifest = read_manifest(backup)
    path = backup / manifest.file
    path.unlink()
    with duckdb.connect(str(path)) as connection:
        migrate(connection, until=schema)
    changes = {"bytes": path.stat().st_size, "sha256": digest_of(path), "schema": schema}
    write_manifest(backup, msgspec.structs.replace(manifest, **changes))
    assert restore_backup(backup, Layout(tmp_path / "there" / "store.duckdb").make(), now_us=2).since == 0
