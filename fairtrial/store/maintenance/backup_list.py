"""The list of backups that were made of this store, so that an erasure can say where a unit may still be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import at, microseconds

ADD = "INSERT INTO backups (backup_id, at_time, path, bytes, sha256) VALUES (?, ?, ?, ?, ?)"
LIST = "SELECT backup_id, at_time, path, bytes, sha256 FROM backups ORDER BY at_time DESC, backup_id DESC"
CHANGE = "UPDATE backups SET bytes = ?, sha256 = ? WHERE backup_id = ?"


@dataclass(frozen=True, slots=True)
class Listed:
    """A backup that was made: where it was put (it may have been moved since); ``at_us`` in UTC."""

    backup_id: str
    at_us: int
    path: str
    bytes: int
    sha256: str


def add(database: Database, made: Listed) -> None:
    """Remember one."""
    with database.writing() as cursor:
        complete(cursor, [made])


def complete(cursor: Cursor, backups: Sequence[Listed]) -> None:
    """Add those that are not in the list."""
    known = {each.backup_id for each in read(cursor)}
    for one in backups:
        if one.backup_id not in known:
            cursor.execute(ADD, [one.backup_id, at(one.at_us), one.path, one.bytes, one.sha256])
            known.add(one.backup_id)


def listing(database: Database) -> list[Listed]:
    """All of them, the newest first."""
    with database.looking() as cursor:
        return read(cursor)


def read(cursor: Cursor) -> list[Listed]:
    """The same, of any store; raises `duckdb.Error`."""
    rows = cursor.execute(LIST).fetchall()
    return [Listed(backup_id, microseconds(time), path, size, sha) for backup_id, time, path, size, sha in rows]


def change(database: Database, backup_id: str, *, size: int, sha256: str) -> None:
    """One was written anew."""
    with database.writing() as cursor:
        cursor.execute(CHANGE, [size, sha256, backup_id])
