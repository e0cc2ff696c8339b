"""Makes backups of a store in use, which are consistent copies with a manifest, lists them, and copies tables."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

import duckdb
import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.store_reports import Backup, BackupFile, ListedBackup, OnProgress, Progress, ignore_progress
from fairtrial.safe_files import copy_private, has_room, sync_folder
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database, copy_folder
from fairtrial.store.core.engine import logged_message
from fairtrial.store.core.query import timestamp
from fairtrial.store.core.recovery import STORE, Manifest, add_to_list, write_manifest
from fairtrial.store.core.state_files import part_beside

SCHEMA = "SELECT max(number) FROM schema_migrations"
OPEN_POSITIONS = """
SELECT segment, max(position) FROM offsets GROUP BY segment HAVING NOT bool_or(sealed) ORDER BY segment
"""

BACKUPS = "SELECT backup_id, at_time, path, bytes, sha256 FROM backups ORDER BY at_time DESC, backup_id DESC"
CHANGE = "UPDATE backups SET bytes = ?, sha256 = ? WHERE backup_id = ?"
SLICE = 4 * 122_880
"""Rows that one statement copies: whole row groups, because a part of one is read as a whole."""
TABLES = """
SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main' AND NOT temporary
ORDER BY table_name
"""
COLUMNS = "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = 'main' AND table_name = ?"
TOUCHED = "CREATE OR REPLACE TEMP TABLE touched_rows AS SELECT rowid AS number FROM {table} WHERE {touched}"
INSERT = """
INSERT INTO copy.main.{target}
SELECT {chosen}
FROM (
    SELECT *, rowid IN (SELECT number FROM temp.touched_rows) AS touched FROM {table} WHERE rowid >= ? AND rowid < ?
)
WHERE {where}
"""


def make_backup(
    database: Database, dest: Path, *, now_us: int, actor: str, on_progress: OnProgress = ignore_progress
) -> Backup:
    """Copy the store into the new folder ``dest``; raises `UsageError` for an unusable place, and `StoreError`.

    Nothing remains after a failure. Ingest the journal first.
    """
    dest = Path(os.path.abspath(dest))  # noqa: PTH100 - it takes out `..` too, and a backup needs a name
    _refuse_place(dest, database.layout)
    if not has_room(copy_folder(database.layout), database.layout.store.stat().st_size):
        raise StoreError(f"{copy_folder(database.layout)}: there is not enough space for a copy of the store")
    try:
        with (
            part_beside(dest, copy_folder(database.layout)) as part,
            _copied(database, on_progress) as (copy, manifest),
        ):
            size = copy.stat().st_size
            digest = copy_private(
                copy, part / STORE, lambda done: on_progress(Progress("writing the backup", done, size))
            )
            manifest = _signed(manifest, now_us=now_us, size=size, digest=digest)
            write_manifest(part, manifest)
            part.rename(dest)
            sync_folder(dest.parent)
    except (OSError, duckdb.Error) as error:
        raise StoreError(f"{dest}: the backup failed and was removed ({logged_message(error)})") from error
    made = Backup(manifest.backup_id, str(dest), manifest.bytes, manifest.sha256, manifest.rows)
    add_to_list(database.layout, dest)
    add_backup(database, ListedBackup(made.backup_id, made.path, made.bytes, made.sha256, now_us))
    details = {"path": str(dest), "bytes": made.bytes}
    audit.record(database, now_us=now_us, actor=actor, action="store.backup", subject=made.backup_id, details=details)
    return made


def _refuse_place(dest: Path, layout: Layout) -> None:
    try:
        if dest.exists() or dest.is_symlink():
            raise UsageError(f"{dest}: exists already (a backup needs a new name)")
        above = next(folder for folder in dest.parents if folder.exists())
    except OSError as error:
        raise UsageError(f"{dest}: can't be used for a backup ({error.strerror})") from error
    if dest.resolve().is_relative_to(layout.folder.resolve()):
        raise UsageError(f"{dest}: is in the store's own folder, which is emptied (put backups elsewhere)")
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise UsageError(f"{dest}: {above} is not a folder that the store's owner can write to")


@contextmanager
def _copied(database: Database, on_progress: OnProgress) -> Iterator[tuple[Path, Manifest]]:
    copy = copy_folder(database.layout) / f"backup-{secrets.token_hex(4)}.duckdb"
    try:
        with database.read_cursor() as cursor:
            copied = copy_rows(cursor, copy, on_progress=on_progress)
        yield copy, describe(copy, copied.after)
    finally:
        copy.unlink(missing_ok=True)
        copy.with_name(copy.name + ".wal").unlink(missing_ok=True)


def describe(copy: Path, rows: dict[str, int]) -> Manifest:
    """The manifest of a copy, without the digest. All values are read from the copy itself."""
    with duckdb.connect(str(copy), read_only=True) as connection:
        schema = connection.execute(SCHEMA).fetchone()
        positions = connection.execute(OPEN_POSITIONS).fetchall()
    return Manifest(
        backup_id="",
        at_us=0,
        file=STORE,
        bytes=0,
        sha256="",
        schema=int(schema[0]) if schema else 0,
        duckdb=duckdb.__version__,
        rows=rows,
        positions={str(segment): int(position) for segment, position in positions},
    )


def _signed(manifest: Manifest, *, now_us: int, size: int, digest: str) -> Manifest:
    backup_id = id_at(now_us)
    return msgspec.structs.replace(manifest, backup_id=backup_id, at_us=now_us, bytes=size, sha256=digest)


def add_backup(database: Database, made: ListedBackup) -> None:
    with database.transaction() as cursor:
        add_missing_backups(cursor, [made])


def add_missing_backups(cursor: Cursor, backups: Sequence[ListedBackup]) -> None:
    """Add the backups that are not in the list."""
    known = {each.backup_id for each in read_backups(cursor)}
    for backup in backups:
        if backup.backup_id not in known:
            columns = {of.name: getattr(backup, of.name) for of in fields(BackupFile)}
            cursor.insert("backups", at_time=timestamp(backup.at_us), **columns)
            known.add(backup.backup_id)


def list_backups(database: Database) -> list[ListedBackup]:
    """All backups, newest first."""
    with database.read_cursor() as cursor:
        return read_backups(cursor)


def read_backups(cursor: Cursor) -> list[ListedBackup]:
    """All backups in the list of any open store; raises `duckdb.Error`."""
    return cursor.values(ListedBackup, BACKUPS)


def update_backup(database: Database, backup_id: str, *, size: int, sha256: str) -> None:
    """Update the size and digest of a rewritten backup."""
    with database.transaction() as cursor:
        cursor.execute(CHANGE, [size, sha256, backup_id])


@dataclass(frozen=True, slots=True)
class TableChange:
    """How one table's rows are copied: ``columns`` maps names to replacing expressions; ``where`` selects rows.

    Both may name ``touched``: whether the condition of that name selects the row. It is evaluated once for the table,
    because a look-up in each expression for each row would cost more than the copy.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    where: str = "true"
    touched: str = "false"


@dataclass(frozen=True, slots=True)
class CopiedRows:
    """The number of rows by table, in the source and in the copy."""

    before: dict[str, int]
    after: dict[str, int]


def copy_rows(
    cursor: Cursor,
    target: Path,
    *,
    changes: Mapping[str, TableChange] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> CopiedRows:
    """Copy this cursor's store into a new file, which is complete, synced and closed at the end.

    The order of rows is kept. Raises `duckdb.Error` (for a full disk too) and `StoreError`; a partial file may then
    remain.
    """
    source = str(cursor.value("SELECT current_database()"))
    cursor.execute(f"ATTACH '{_quoted(str(target.absolute()))}' AS copy")
    try:
        cursor.execute(f"COPY FROM DATABASE {_named(source)} TO copy (SCHEMA)")
        cursor.execute("BEGIN TRANSACTION")
        try:
            copied = _TableCopier(cursor, source, changes or {}, on_progress).all_tables()
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("CHECKPOINT copy")
    finally:
        cursor.execute("DETACH copy")
    return copied


class _TableCopier:
    def __init__(
        self, cursor: Cursor, source: str, changes: Mapping[str, TableChange], on_progress: OnProgress
    ) -> None:
        self._cursor = cursor
        self._source = source
        self._changes = changes
        self._on_progress = on_progress
        self._done = 0
        self._total = 0

    def all_tables(self) -> CopiedRows:
        names = [str(name) for (name,) in self._cursor.execute(TABLES, [self._source]).fetchall()]
        before = {name: self._count(self._source, name) for name in names}
        self._total = sum(before.values())
        for name in names:
            self._copy(name, self._changes.get(name, TableChange()))
        after = {name: self._count("copy", name) for name in names}
        for name in names:
            if self._changes.get(name, TableChange()).where == "true" and before[name] != after[name]:
                raise StoreError(f"{name}: {after[name]} of {before[name]} rows were copied")
        return CopiedRows(before, after)

    def _copy(self, name: str, change: TableChange) -> None:
        there = self._columns(name)
        changed = {column: sql for column, sql in change.columns.items() if column in there}
        columns = ", ".join(f"{sql} AS {_named(column)}" for column, sql in changed.items())
        table = f"{_named(self._source)}.main.{_named(name)}"
        self._cursor.execute(TOUCHED.format(table=table, touched=change.touched))
        chosen = "* EXCLUDE (touched)" + (f" REPLACE ({columns})" if columns else "")
        insert = INSERT.format(target=_named(name), chosen=chosen, table=table, where=change.where)
        end = self._end(name)
        for start in range(0, end, SLICE):
            self._cursor.execute(insert, [start, start + SLICE])
            self._on_progress(Progress("copying rows", self._done + min(start + SLICE, end), max(self._total, end)))
        self._done += self._count(self._source, name)

    def _columns(self, name: str) -> set[str]:
        """The columns of a table; backups of earlier versions lack some."""
        return {str(column) for (column,) in self._cursor.execute(COLUMNS, [self._source, name]).fetchall()}

    def _count(self, catalog: str, name: str) -> int:
        return int(self._cursor.value(f"SELECT count(*) FROM {_named(catalog)}.main.{_named(name)}"))  # noqa: S608 - ours

    def _end(self, name: str) -> int:
        source = f"{_named(self._source)}.main.{_named(name)}"
        return int(self._cursor.value(f"SELECT coalesce(max(rowid) + 1, 0) FROM {source}"))  # noqa: S608 - ours


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
