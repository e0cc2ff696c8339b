"""Puts a backup in the place of a store: verified first, swapped in one rename, and never while the store is in use."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fairtrial.config.layout import Layout
from fairtrial.config.private_files import copy_private, has_room, sweep_folder, sync_file, sync_folder
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database, copies, engine_settings
from fairtrial.store.core.engine_errors import in_words
from fairtrial.store.core.manifest import Manifest, verify
from fairtrial.store.core.migrate import schema_of
from fairtrial.store.core.owner_lock import OwnerLock
from fairtrial.store.core.progress import OnStep, Step, silent
from fairtrial.store.erasure import tombstones
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance import backup_list
from fairtrial.store.maintenance.backup_list import Listed
from fairtrial.store.maintenance.foreign_definitions import foreign_definitions, listed

SIGN_INS = frozenset({"sessions", "invitations"})
TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it: ``since`` events of the journal that came after the backup were brought in."""

    store: str
    backup_id: str
    made_us: int
    rows: int
    since: int


def restore(
    backup: Path,
    layout: Layout,
    *,
    now_us: int,
    force: bool = False,
    erased_in: Layout | None = None,
    on_step: OnStep = silent,
) -> Restored:
    """Make the backup the store of this layout, and bring in what its journals have had since.

    Segments that the backup holds are not brought in again; nobody is signed in or invited. ``force`` replaces a store
    that is there; ``erased_in``: a store whose erased units stay erased here too, by `erased_units.come_back`. Raises
    `UsageError` for a backup that is not sound or a store that would be overwritten, `StoreLocked` for one in use,
    `StoreError`; the store that was there then stays.
    """
    if layout.store.exists() and not force:
        raise UsageError(f"{layout.store}: is there already (--force replaces it for good)")
    if not layout.store.parent.is_dir():
        raise UsageError(f"{layout.store}: the folder {layout.store.parent} does not exist")
    manifest = verify(backup, on_step)
    lock = OwnerLock.take(layout.make())
    try:
        if erased_in is not None:
            tombstones.carry(erased_in, layout)
        _replace(backup, manifest, layout, on_step)
    except BaseException:
        lock.release()
        raise
    return _opened(layout, lock, manifest, now_us)


def _replace(backup: Path, manifest: Manifest, layout: Layout, on_step: OnStep) -> None:
    folder, store = copies(layout), backup / manifest.file
    try:
        sweep_folder(folder)
        if not has_room(folder, manifest.bytes):
            raise StoreError(f"{folder}: there is no room for the backup's {manifest.bytes:,} bytes")
        copy = folder / f"restore-{secrets.token_hex(4)}.duckdb"
        digest = copy_private(store, copy, lambda done: on_step(Step("copying the backup", done, manifest.bytes)))
        if digest != manifest.sha256:
            raise UsageError(f"{store}: changed while it was read")
        itself = Listed(manifest.backup_id, manifest.at_us, str(backup.absolute()), manifest.bytes, manifest.sha256)
        _refuse_foreign(copy, store, manifest)
        _make_ready(copy, [itself, *_listed_until_now(layout)])
        _put_log_aside(layout)
        copy.replace(layout.store)
        sync_folder(layout.store.parent)
        sweep_folder(folder)
    except UsageError:
        sweep_folder(folder)
        raise
    except (OSError, duckdb.Error) as error:
        sweep_folder(folder)
        raise StoreError(f"{layout.store}: the backup could not be restored ({in_words(error)})") from error


def _refuse_foreign(copy: Path, store: Path, manifest: Manifest) -> None:
    """A manifest is no signature: whoever wrote both may have put in a view or a macro that acts when it is read."""
    with duckdb.connect(str(copy), read_only=True, config=engine_settings()) as connection:
        connection.execute("SET enable_external_access = false")
        foreign = foreign_definitions(connection, schema=manifest.schema)
        if foreign:
            raise UsageError(
                f"{store}: defines what no store of fairtrial with schema {manifest.schema} does: {listed(foreign)}"
            )
        applied = schema_of(connection)
    if applied != manifest.schema:
        raise UsageError(f"{store}: has schema {applied}, and its manifest says {manifest.schema}")


def _make_ready(copy: Path, backups: Sequence[Listed]) -> None:
    """Nobody is signed in or invited: who signed out, or used a link, since must not find that it works again.

    The backups that were made since, and this one, which can't know of itself, are listed for erasures to come.
    """
    with duckdb.connect(str(copy), config=engine_settings()) as connection:
        there = {str(name) for (name,) in connection.execute(TABLES).fetchall()}
        for table in sorted(SIGN_INS & there):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
        if "backups" in there:
            backup_list.complete(connection, backups)
        connection.execute("CHECKPOINT")
    sync_file(copy)


def _listed_until_now(layout: Layout) -> list[Listed]:
    """The backups that the store that is to be replaced knows of; none if it can't be read, as it may be broken."""
    if not layout.store.exists():
        return []
    try:
        with duckdb.connect(str(layout.store), config=engine_settings()) as connection:
            return backup_list.read(connection)
    except duckdb.Error:
        return []


def _put_log_aside(layout: Layout) -> None:
    """The log of the old file must not meet the new one: the engine writes it into the old one, if it still can."""
    logs = list(layout.store.parent.glob(f"{layout.store.name}.wal*"))
    if not logs:
        return
    with contextlib.suppress(duckdb.Error):  # a broken store is what people restore for: its log goes with it
        duckdb.connect(str(layout.store)).close()
    for log in logs:
        if log.exists():
            log.rename(copies(layout) / log.name)


def _opened(layout: Layout, lock: OwnerLock, manifest: Manifest, now_us: int) -> Restored:
    database = Database.open_owned(layout, lock)
    try:
        since = Ingester(database, lambda: now_us).catch_up()
        audit.record(
            database,
            now_us=now_us,
            actor="cli",
            action="store.restore",
            subject=manifest.backup_id,
            details={"made_us": manifest.at_us},
        )
        rows = sum(manifest.rows.values())
        return Restored(str(layout.store), manifest.backup_id, manifest.at_us, rows, since.rows)
    finally:
        database.close()
