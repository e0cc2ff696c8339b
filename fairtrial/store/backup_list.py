"""The list of backups that were made of this store, so that an erasure can say where a unit may still be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairtrial.store.database import Database
from fairtrial.store.query import at, microseconds

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


def add(database: Database, backup_id: str, *, path: Path, now_us: int, size: int, sha256: str) -> None:
    """Remember one."""
    with database.writing() as cursor:
        cursor.execute(ADD, [backup_id, at(now_us), str(path), size, sha256])


def listing(database: Database) -> list[Listed]:
    """All of them, the newest first."""
    rows = database.rows(LIST)
    return [Listed(backup_id, microseconds(time), path, size, sha) for backup_id, time, path, size, sha in rows]


def change(database: Database, backup_id: str, *, size: int, sha256: str) -> None:
    """One was written anew."""
    with database.writing() as cursor:
        cursor.execute(CHANGE, [size, sha256, backup_id])
