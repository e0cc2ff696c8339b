"""Makes a backup while traffic runs: a consistent copy of the store with a manifest, whole under its name or not there.

A raw copy of the file of a store in use would be wrong; this one is made by the owner, from one snapshot.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec

from fairtrial.config.layout import Layout
from fairtrial.config.private_files import copy_private, has_room, sync_folder
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.ids import ENTROPY_BYTES, uuid7
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database, copies
from fairtrial.store.core.engine_errors import in_words
from fairtrial.store.core.manifest import STORE, Manifest, remember, write_manifest
from fairtrial.store.core.partial_backup import part_beside
from fairtrial.store.core.progress import OnStep, Step, silent
from fairtrial.store.maintenance import backup_list
from fairtrial.store.maintenance.backup_list import Listed
from fairtrial.store.maintenance.copying import copy_rows

SCHEMA = "SELECT max(number) FROM schema_migrations"
OPEN_POSITIONS = """
SELECT segment, max(position) FROM offsets GROUP BY segment HAVING NOT bool_or(sealed) ORDER BY segment
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: where, how large, of how many rows in all."""

    backup_id: str
    path: str
    bytes: int
    sha256: str
    rows: dict[str, int]


def make_backup(database: Database, dest: Path, *, now_us: int, actor: str, on_step: OnStep = silent) -> Backup:
    """Copy the store into the new folder ``dest``; raises `UsageError` for a place that can't be used, `StoreError`.

    Whatever goes wrong, nothing is left behind. Bring the journal in before.
    """
    dest = Path(os.path.abspath(dest))  # noqa: PTH100 - it takes out `..` too, and a backup needs a name
    _refuse_place(dest, database.layout)
    if not has_room(copies(database.layout), database.layout.store.stat().st_size):
        raise StoreError(f"{copies(database.layout)}: there is no room for a copy of the store")
    try:
        with part_beside(dest, copies(database.layout)) as part, _copied(database, on_step) as (copy, manifest):
            size = copy.stat().st_size
            digest = copy_private(copy, part / STORE, lambda done: on_step(Step("writing the backup", done, size)))
            manifest = _signed(manifest, now_us=now_us, size=size, digest=digest)
            write_manifest(part, manifest)
            part.rename(dest)
            sync_folder(dest.parent)
    except (OSError, duckdb.Error) as error:
        raise StoreError(
            f"{dest}: the backup could not be made, and nothing is left of it ({in_words(error)})"
        ) from error
    made = Backup(manifest.backup_id, str(dest), manifest.bytes, manifest.sha256, manifest.rows)
    remember(database.layout, dest)
    backup_list.add(database, Listed(made.backup_id, now_us, made.path, made.bytes, made.sha256))
    details = {"path": str(dest), "bytes": made.bytes}
    audit.record(database, now_us=now_us, actor=actor, action="store.backup", subject=made.backup_id, details=details)
    return made


def _refuse_place(dest: Path, layout: Layout) -> None:
    try:
        if dest.exists() or dest.is_symlink():
            raise UsageError(f"{dest}: is there already (a backup needs a new name)")
        above = next(folder for folder in dest.parents if folder.exists())
    except OSError as error:
        raise UsageError(f"{dest}: is no place for a backup ({error.strerror})") from error
    if dest.resolve().is_relative_to(layout.folder.resolve()):
        raise UsageError(f"{dest}: lies in the store's own folder, which is swept (put backups elsewhere)")
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise UsageError(f"{dest}: {above} is no folder that can be written by the program that owns the store")


@contextmanager
def _copied(database: Database, on_step: OnStep) -> Iterator[tuple[Path, Manifest]]:
    copy = copies(database.layout) / f"backup-{secrets.token_hex(4)}.duckdb"
    try:
        with database.looking() as cursor:
            copied = copy_rows(cursor, copy, on_step=on_step)
        yield copy, describe(copy, copied.after)
    finally:
        copy.unlink(missing_ok=True)
        copy.with_name(copy.name + ".wal").unlink(missing_ok=True)


def describe(copy: Path, rows: dict[str, int]) -> Manifest:
    """The manifest of a copy, still without its digest: what is said is read from the copy itself."""
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
    backup_id = uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES))
    return msgspec.structs.replace(manifest, backup_id=backup_id, at_us=now_us, bytes=size, sha256=digest)
