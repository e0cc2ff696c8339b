"""Restores a backup: verifies it, refuses definitions outside the schema, and swaps it in with one rename."""

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import OwnerLock
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.store_reports import ListedBackup, OnProgress, Progress, ignore_progress
from fairtrial.experiments.lifecycle import checked_reason
from fairtrial.safe_files import copy_private, has_room, sweep_folder, sync_file, sync_folder
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database, copy_folder
from fairtrial.store.core.engine import engine_settings, logged_message, migrate, schema_of
from fairtrial.store.core.recovery import INTACT, Manifest, verify
from fairtrial.store.erasure import tombstones
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance.backup import add_missing_backups, read_backups

SIGN_INS = frozenset({"sessions", "invitations"})
TABLE_NAMES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"
SHOWN = 5
TABLES = """
SELECT schema_name || '.' || table_name, sql FROM duckdb_tables()
WHERE database_name = current_database() AND NOT internal AND NOT temporary
"""
INDEXES = """
SELECT schema_name || '.' || index_name, coalesce(sql, '') FROM duckdb_indexes()
WHERE database_name = current_database()
"""
SEQUENCES = """
SELECT schema_name || '.' || sequence_name, '' FROM duckdb_sequences()
WHERE database_name = current_database() AND NOT temporary
"""
VIEWS = """
SELECT schema_name || '.' || view_name, '' FROM duckdb_views()
WHERE database_name = current_database() AND NOT internal AND NOT temporary
"""
MACROS = """
SELECT DISTINCT schema_name || '.' || function_name, '' FROM duckdb_functions()
WHERE database_name = current_database() AND NOT internal
"""
TYPES = """
SELECT DISTINCT schema_name || '.' || type_name, '' FROM duckdb_types()
WHERE database_name = current_database() AND NOT internal
"""
SCHEMAS = """
SELECT schema_name, '' FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal
"""
TRIGGERS = "SELECT trigger_name, '' FROM duckdb_triggers() WHERE database_name = current_database()"
HAS_TRIGGERS = "SELECT count(*) FROM duckdb_functions() WHERE function_name = 'duckdb_triggers'"
KINDS = {
    "table": TABLES,
    "index": INDEXES,
    "sequence": SEQUENCES,
    "view": VIEWS,
    "macro": MACROS,
    "type": TYPES,
    "schema": SCHEMAS,
}


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The result of a restore; ``since`` events that were journaled after the backup have been ingested."""

    store: str
    backup_id: str
    made_us: int
    rows: int
    since: int


def restore_backup(
    backup: Path,
    layout: Layout,
    *,
    now_us: int,
    force: bool = False,
    erased_in: Layout | None = None,
    on_progress: OnProgress = ignore_progress,
) -> RestoreResult:
    """Replace this layout's store by the backup, and ingest what the journals received since.

    Segments that the backup contains are not ingested again. All sessions and invitations end. ``force`` replaces an
    existing store. ``erased_in``: a store whose erased units stay erased here, see `tombstones.find_restored`. Raises
    `UsageError` for an unusable backup or an existing store, `StoreLocked` for one in use, and `StoreError`; the
    existing store then stays.
    """
    if layout.store.exists() and not force:
        raise UsageError(f"{layout.store}: exists already (--force replaces it permanently)")
    if not layout.store.parent.is_dir():
        raise UsageError(f"{layout.store}: the folder {layout.store.parent} does not exist")
    manifest = verify(backup, on_progress)
    lock = OwnerLock.take(layout.make())
    try:
        if erased_in is not None:
            tombstones.copy_tombstones(erased_in, layout)
        _replace(backup, manifest, layout, on_progress)
    except BaseException:
        lock.release()
        raise
    return _opened(layout, lock, manifest, now_us)


def begin_new(layout: Layout, *, why: str, now_us: int) -> Path | None:
    """Begin an empty store in place of a lost or damaged one; returns the place of the former file, if there is one.

    Raises `UsageError` if the present store can be used, `BadRequest` without a reason, `StoreLocked`, `StoreError`.
    """
    reason = checked_reason(why)
    try:
        Database.open(layout).close()
    except StoreError as error:
        if any(intact in str(error) for intact in INTACT):
            raise
    else:
        raise UsageError(f"{layout.store}: the store can be used, so no new one was begun")
    lock, former = OwnerLock.take(layout), layout.store.with_name(f"{layout.store.name}.lost-{now_us}")
    for path in (layout.store, *layout.store.parent.glob(f"{layout.store.name}.wal*")):
        if path.exists():
            path.rename(path.with_name(path.name.replace(layout.store.name, former.name, 1)))
    database = Database.open_owned(layout, lock, is_new=True)
    try:
        details, subject = {"why": reason, "former": former.name}, str(layout.store)
        audit.record(database, now_us=now_us, actor="cli", action="store.new", subject=subject, details=details)
    finally:
        database.close()
    return former if former.exists() else None


def _replace(backup: Path, manifest: Manifest, layout: Layout, on_progress: OnProgress) -> None:
    folder, store = copy_folder(layout), backup / manifest.file
    try:
        sweep_folder(folder)
        if not has_room(folder, manifest.bytes):
            raise StoreError(f"{folder}: there is not enough space for the backup's {manifest.bytes:,} bytes")
        copy = folder / f"restore-{secrets.token_hex(4)}.duckdb"
        digest = copy_private(
            store, copy, lambda done: on_progress(Progress("copying the backup", done, manifest.bytes))
        )
        if digest != manifest.sha256:
            raise UsageError(f"{store}: changed while it was read")
        itself = ListedBackup(
            manifest.backup_id, str(backup.absolute()), manifest.bytes, manifest.sha256, manifest.at_us
        )
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
        raise StoreError(f"{layout.store}: the backup could not be restored ({logged_message(error)})") from error


def _refuse_foreign(copy: Path, store: Path, manifest: Manifest) -> None:
    """A manifest is not a signature: its author could have added a view or macro that runs when the store is read."""
    with duckdb.connect(str(copy), read_only=True, config=engine_settings()) as connection:
        connection.execute("SET enable_external_access = false")
        foreign = foreign_definitions(connection, schema=manifest.schema)
        if foreign:
            raise UsageError(
                f"{store}: has definitions that are not in schema {manifest.schema}: {format_names(foreign)}"
            )
        applied = schema_of(connection)
    if applied != manifest.schema:
        raise UsageError(f"{store}: has schema {applied}, but its manifest says {manifest.schema}")


def _make_ready(copy: Path, backups: Sequence[ListedBackup]) -> None:
    """End all sessions and invitations, so that those that ended since the backup do not work again.

    The backups made since then, and this one, are added to the list for later erasures.
    """
    with duckdb.connect(str(copy), config=engine_settings()) as connection:
        there = {str(name) for (name,) in connection.execute(TABLE_NAMES).fetchall()}
        for table in sorted(SIGN_INS & there):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
        if "backups" in there:
            add_missing_backups(Cursor(connection), backups)
        connection.execute("CHECKPOINT")
    sync_file(copy)


def _listed_until_now(layout: Layout) -> list[ListedBackup]:
    """The backups that the current store lists; none if it can't be read, because it may be damaged."""
    if not layout.store.exists():
        return []
    try:
        with duckdb.connect(str(layout.store), config=engine_settings()) as connection:
            return read_backups(Cursor(connection))
    except duckdb.Error:
        return []


def _put_log_aside(layout: Layout) -> None:
    """Write the old file's log into the old file if possible, because the log must not be applied to the new one."""
    logs = list(layout.store.parent.glob(f"{layout.store.name}.wal*"))
    if not logs:
        return
    # The old store may be damaged, which is a usual reason for a restore. Its log is then moved without being applied.
    with contextlib.suppress(duckdb.Error):
        duckdb.connect(str(layout.store)).close()
    for log in logs:
        if log.exists():
            log.rename(copy_folder(layout) / log.name)


def _opened(layout: Layout, lock: OwnerLock, manifest: Manifest, now_us: int) -> RestoreResult:
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
        return RestoreResult(str(layout.store), manifest.backup_id, manifest.at_us, rows, since.rows)
    finally:
        database.close()


def foreign_definitions(connection: duckdb.DuckDBPyConnection, *, schema: int) -> list[str]:
    """Definitions of this store that no store with the migrations up to ``schema`` has, as ``view main.x``.

    A table that is missing, or has other columns, defaults or constraints, counts as well.
    """
    with duckdb.connect() as reference:
        migrate(reference, until=schema)
        own = dict(_definitions(reference))
    definitions = dict(_definitions(connection))
    odd = [_named(*key) for key, sql in definitions.items() if own.get(key) != sql]
    return sorted([*odd, *(f"no {_named(*key)}" for key in own.keys() - definitions.keys())])


def format_names(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _definitions(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[tuple[str, str], str]]:
    kinds = dict(KINDS)
    if _one(connection, HAS_TRIGGERS):
        kinds["trigger"] = TRIGGERS
    for kind, query in kinds.items():
        for name, sql in connection.execute(query).fetchall():
            yield (kind, str(name)), str(sql)


def _named(kind: str, name: str) -> str:
    return f"{kind} {name!r}"


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
