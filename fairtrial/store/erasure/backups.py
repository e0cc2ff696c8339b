"""Finds backups that may still contain an erased unit, and rewrites them if requested."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from fairtrial.config.private_files import sync_file
from fairtrial.domain.errors import FairtrialError
from fairtrial.domain.store_reports import BackupStatus, Found, ListedBackup, OnProgress, ignore_progress
from fairtrial.regular_files import digest_of
from fairtrial.store.core.database import Cursor, Database, copy_folder
from fairtrial.store.core.engine_settings import engine_settings
from fairtrial.store.core.erasure_state import ErasureState
from fairtrial.store.core.manifest import Manifest, read_manifest, write_manifest
from fairtrial.store.erasure.rows import CHANGES, COMPUTED, collect, count_rows
from fairtrial.store.maintenance import backup_list
from fairtrial.store.maintenance.table_copy import copy_rows


def check_backups(
    database: Database, state: ErasureState, *, on_progress: OnProgress = ignore_progress
) -> tuple[BackupStatus, ...]:
    """Check every listed backup of this store, and remove the unit from those that contain it, if requested."""
    looks = []
    for listed in backup_list.listing(database):
        folder = Path(listed.path)
        try:
            found = _check(database, folder, listed, state, on_progress)
        except (FairtrialError, OSError, duckdb.Error):
            found = "can't be read" if folder.exists() else "not there"
        looks.append(BackupStatus(listed.path, found))
    return tuple(looks)


def _check(
    database: Database, folder: Path, listed: ListedBackup, state: ErasureState, on_progress: OnProgress
) -> Found:
    manifest = read_manifest(folder)
    if manifest.backup_id != listed.backup_id:
        return "not there"
    sweep_backup(folder, manifest)
    with _open(folder / manifest.file, copy_folder(database.layout)) as cursor:
        collect(cursor, pseudonym=state.pseudonym, salt=state.salt, unit=state.unit, kind=state.kind, known=state.names)
        if not count_rows(cursor):
            return "free of it"
        if not state.rewrite_backups:
            return "holds it"
        written = _rewrite(cursor, folder, manifest, on_progress)
    sweep_backup(folder, written)
    backup_list.update(database, listed.backup_id, size=written.bytes, sha256=written.sha256)
    return "rewritten"


def _rewrite(cursor: Cursor, folder: Path, manifest: Manifest, on_progress: OnProgress) -> Manifest:
    """Write a new file beside the old one. Replacing the manifest, in one rename, makes it the backup."""
    new = folder / f"fairtrial-{secrets.token_hex(4)}.duckdb"
    copied = copy_rows(cursor, new, changes={**CHANGES, **COMPUTED}, on_progress=on_progress)
    new.chmod(0o600)
    sync_file(new)
    written = msgspec.structs.replace(
        manifest, file=new.name, bytes=new.stat().st_size, sha256=digest_of(new), rows=copied.after
    )
    write_manifest(folder, written)
    return written


def sweep_backup(folder: Path, manifest: Manifest) -> None:
    """Delete store files that the manifest does not name: an older one, or one that was never finished."""
    for path in folder.glob("fairtrial*.duckdb*"):
        if path.name != manifest.file:
            path.unlink()


@contextmanager
def _open(store: Path, spill: Path) -> Iterator[Cursor]:
    """Attach a backup's store read-only as the current one. Rows that exceed the memory spill to a swept folder."""
    config = engine_settings() | {"temp_directory": str(spill / "spill")}
    with duckdb.connect(":memory:", config=config) as connection:
        name = str(store.absolute()).replace("'", "''")
        connection.execute(f"ATTACH '{name}' AS backup (READ_ONLY)")
        connection.execute("USE backup")
        yield Cursor(connection)
