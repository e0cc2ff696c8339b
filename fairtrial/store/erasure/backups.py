"""Backups that may still hold an erased unit: looked into where they can be reached, and rewritten if so wished."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import msgspec

from fairtrial.config.private_files import digest_of, sync_file
from fairtrial.domain.errors import FairtrialError
from fairtrial.store.core.database import Cursor, Database, copies, engine_settings
from fairtrial.store.core.erasure_state import ErasureState
from fairtrial.store.core.manifest import Manifest, read_manifest, write_manifest
from fairtrial.store.core.progress import OnStep, silent
from fairtrial.store.erasure.rows import CHANGES, COMPUTED, collect, count_rows
from fairtrial.store.maintenance import backup_list
from fairtrial.store.maintenance.backup_list import Listed
from fairtrial.store.maintenance.copying import copy_rows

Found = Literal["holds it", "free of it", "rewritten", "not there", "can't be read"]


@dataclass(frozen=True, slots=True)
class BackupLook:
    """One backup of the list, and whether the unit is in it."""

    path: str
    found: Found


def look_into_backups(database: Database, state: ErasureState, *, on_step: OnStep = silent) -> tuple[BackupLook, ...]:
    """Every backup that was made of this store; those that hold the unit are freed of it if that is wished."""
    looks = []
    for listed in backup_list.listing(database):
        folder = Path(listed.path)
        try:
            found = _look(database, folder, listed, state, on_step)
        except (FairtrialError, OSError, duckdb.Error):
            found = "can't be read" if folder.exists() else "not there"
        looks.append(BackupLook(listed.path, found))
    return tuple(looks)


def _look(database: Database, folder: Path, listed: Listed, state: ErasureState, on_step: OnStep) -> Found:
    manifest = read_manifest(folder)
    if manifest.backup_id != listed.backup_id:
        return "not there"
    sweep_backup(folder, manifest)
    with _open(folder / manifest.file, copies(database.layout)) as cursor:
        collect(cursor, pseudonym=state.pseudonym, salt=state.salt, unit=state.unit, kind=state.kind, known=state.names)
        if not count_rows(cursor):
            return "free of it"
        if not state.rewrite_backups:
            return "holds it"
        written = _rewrite(cursor, folder, manifest, on_step)
    sweep_backup(folder, written)
    backup_list.change(database, listed.backup_id, size=written.bytes, sha256=written.sha256)
    return "rewritten"


def _rewrite(cursor: Cursor, folder: Path, manifest: Manifest, on_step: OnStep) -> Manifest:
    """A new file beside the old one: the manifest that names it makes it the backup, in one rename."""
    new = folder / f"fairtrial-{secrets.token_hex(4)}.duckdb"
    copied = copy_rows(cursor, new, changes={**CHANGES, **COMPUTED}, on_step=on_step)
    new.chmod(0o600)
    sync_file(new)
    written = msgspec.structs.replace(
        manifest, file=new.name, bytes=new.stat().st_size, sha256=digest_of(new), rows=copied.after
    )
    write_manifest(folder, written)
    return written


def sweep_backup(folder: Path, manifest: Manifest) -> None:
    """Delete stores that the manifest doesn't name: an older one, or a new one that was never finished."""
    for path in folder.glob("fairtrial*.duckdb*"):
        if path.name != manifest.file:
            path.unlink()


@contextmanager
def _open(store: Path, spill: Path) -> Iterator[Cursor]:
    """A backup's store as the current one, for reading only; what memory has no room for goes where it is swept."""
    config = engine_settings() | {"temp_directory": str(spill / "spill")}
    with duckdb.connect(":memory:", config=config) as connection:
        name = str(store.absolute()).replace("'", "''")
        connection.execute(f"ATTACH '{name}' AS backup (READ_ONLY)")
        connection.execute("USE backup")
        yield connection
