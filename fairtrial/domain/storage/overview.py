"""Defines what the store reports about itself: its contents, its backups, and the result of ingesting the journal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of one pass: ``rows`` events, ``rejects`` rejected lines, and the segments that can't be read.

    ``failed``: whether requests of a running experiment failed or were rejected.
    """

    rows: int = 0
    rejects: int = 0
    unreadable: tuple[str, ...] = ()
    failed: bool = False

    def __add__(self, other: IngestResult) -> IngestResult:
        unreadable = dict.fromkeys(self.unreadable + other.unreadable)
        failed = self.failed or other.failed
        return IngestResult(self.rows + other.rows, self.rejects + other.rejects, tuple(unreadable), failed)


# The store keeps only these fields. `Manifest` has all, beside the backup; `Backup` is the answer to its creator.
@dataclass(frozen=True, slots=True)
class ListedBackup:
    """A backup and where it was written (it may have been moved since); ``at_us`` is in UTC."""

    backup_id: str
    at_us: int
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Overview:
    """``rows`` by table; ``bytes`` of the file; the ``schema``'s number; the version of ``duckdb``.

    ``folders``: bytes of the journal (waiting and archived), the answer cache and the logs. Times are microseconds
    since 1970, UTC, or ``None`` where there is nothing. ``retain_days`` is ``None`` until a plan is published.
    """

    store: str
    bytes: int
    schema: int
    duckdb: str
    rows: dict[str, int]
    folders: dict[str, int]
    lag_bytes: int
    oldest_us: int | None
    newest_us: int | None
    retain_days: int | None
    last_backup: ListedBackup | None
    erasures: int
    erasure_unfinished: bool
