"""Lists the backups of this store, so that an erasure can report where a unit may still be."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.domain.store_reports import ListedBackup
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

LIST = "SELECT backup_id, at_time, path, bytes, sha256 FROM backups ORDER BY at_time DESC, backup_id DESC"
CHANGE = "UPDATE backups SET bytes = ?, sha256 = ? WHERE backup_id = ?"


def add(database: Database, made: ListedBackup) -> None:
    with database.transaction() as cursor:
        add_missing(cursor, [made])


def add_missing(cursor: Cursor, backups: Sequence[ListedBackup]) -> None:
    """Add the backups that are not in the list."""
    known = {each.backup_id for each in read(cursor)}
    for one in backups:
        if one.backup_id not in known:
            kept = {name: getattr(one, name) for name in ("backup_id", "path", "bytes", "sha256")}
            cursor.insert("backups", at_time=timestamp(one.at_us), **kept)
            known.add(one.backup_id)


def listing(database: Database) -> list[ListedBackup]:
    """All backups, newest first."""
    with database.read_cursor() as cursor:
        return read(cursor)


def read(cursor: Cursor) -> list[ListedBackup]:
    """All backups in the list of any open store; raises `duckdb.Error`."""
    return cursor.values(ListedBackup, LIST)


def update(database: Database, backup_id: str, *, size: int, sha256: str) -> None:
    """Update the size and digest of a rewritten backup."""
    with database.transaction() as cursor:
        cursor.execute(CHANGE, [size, sha256, backup_id])
