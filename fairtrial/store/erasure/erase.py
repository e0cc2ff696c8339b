"""Erases a unit from a store in use: from rows, the file's bytes, journals, caches, logs and backups."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec

from fairtrial.domain import store_reports
from fairtrial.domain.errors import FairtrialError, StoreError, UsageError
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.settings import UnitKind
from fairtrial.named_files import digest_of
from fairtrial.safe_files import has_room, sync_file
from fairtrial.store.access import audit
from fairtrial.store.core import state_files
from fairtrial.store.core.database import Cursor, Database, copy_folder
from fairtrial.store.core.engine import engine_settings, logged_message
from fairtrial.store.core.query import timestamp
from fairtrial.store.core.recovery import Manifest, read_manifest, write_manifest
from fairtrial.store.core.state_files import ErasureState, unit_hash
from fairtrial.store.derived import traffic_sums
from fairtrial.store.derived.unit_summaries import update_placements
from fairtrial.store.erasure.files import LineMarks, blank_files
from fairtrial.store.erasure.rows import CHANGES, COMPUTED, collect, count_rows
from fairtrial.store.erasure.tombstones import UNREADABLE, add_tombstone
from fairtrial.store.maintenance.backup import copy_rows, list_backups, update_backup

LONGEST_ERASED = 100_000
"""In letters. Requests may name no longer unit than 512 now, but earlier records have longer ones."""
POSITIONS = "SELECT segment, max(position) FROM offsets GROUP BY segment"


@dataclass(frozen=True, slots=True)
class ErasedUnit:
    """The unit to erase: the name that the application sends, and its pseudonym in the store."""

    name: str
    kind: UnitKind
    pseudonym: str


def new_state(unit: ErasedUnit, *, now_us: int, actor: str, rewrite_backups: bool = False) -> ErasureState:
    """The initial state of an erasure; raises `UsageError` for an invalid name."""
    if not unit.name.strip() or len(unit.name) > LONGEST_ERASED:
        raise UsageError(f"unit: needs a name of 1 to {LONGEST_ERASED:,} letters (has {len(unit.name.strip()):,})")
    if any("\ud800" <= letter <= "\udfff" for letter in unit.name):
        raise UsageError("unit: the name is not valid UTF-8 (erase its requests one by one: --kind request)")
    return ErasureState(
        erasure_id=id_at(now_us),
        at_us=now_us,
        unit=unit.name,
        kind=unit.kind,
        pseudonym=unit.pseudonym,
        salt=secrets.token_hex(32),
        actor=actor,
        rewrite_backups=rewrite_backups,
    )


def erase(
    database: Database,
    state: ErasureState,
    *,
    now_us: int,
    unreadable: tuple[str, ...] = (),
    on_progress: store_reports.OnProgress = store_reports.ignore_progress,
) -> store_reports.Erasure:
    """Erase a unit, or continue an erasure that was begun. Ingest the journal first.

    Writers wait while the file is copied, readers only while it is replaced. After a `StoreError` the erasure can be
    continued by calling this again.
    """
    layout = database.layout
    try:
        state, positions = _erase_rows(database, state, on_progress)
        update_placements(database)
        traffic_sums.update(database)
        marks = LineMarks(state.unit, state.pseudonym, state.names)
        with database.sealed_segments:
            blanked = blank_files(layout, marks, positions=positions, on_progress=on_progress)
        state = _saved_names(database, state, {name: state.counts.get(name, 0) + new for name, new in blanked.items()})
        backups = check_backups(database, state, on_progress=on_progress)
    except (OSError, duckdb.Error) as error:
        raise StoreError(
            f"{layout.store}: the erasure is not finished; repeat it to continue ({logged_message(error)})"
        ) from error
    erasure = store_reports.Erasure(
        state.erasure_id, unit_hash(state.pseudonym), dict(state.counts), backups, unreadable
    )
    if erasure.found:
        add_tombstone(layout, state, now_us=now_us)
        _record(database, state, erasure, now_us)
    state_files.delete_erasure(layout)
    on_progress(store_reports.Progress("erased", 1, 1))
    return erasure


def _erase_rows(
    database: Database, state: ErasureState, on_progress: store_reports.OnProgress
) -> tuple[ErasureState, dict[str, int]]:
    """Replace the store by one without the unit; returns the state with the names found, and the journal positions."""
    with database.exclusive() as cursor:
        names = collect(
            cursor, pseudonym=state.pseudonym, salt=state.salt, unit=state.unit, kind=state.kind, known=state.names
        )
        positions = {str(segment): int(end) for segment, end in cursor.execute(POSITIONS).fetchall()}
        counts = count_rows(cursor)
        state = _saved_names(database, msgspec.structs.replace(state, names=names), counts)
        if counts:
            on_progress(store_reports.Progress("copying rows", 0, 1))
            _swap(database, _copy(database, cursor, on_progress), on_progress)
    return state, positions


def _saved_names(database: Database, state: ErasureState, counts: dict[str, int]) -> ErasureState:
    """Save names and counts before anything is destroyed, because deleted rows can't be counted again."""
    larger = {name: max(state.counts.get(name, 0), counts.get(name, 0)) for name in {**state.counts, **counts}}
    state = msgspec.structs.replace(state, counts=larger)
    state_files.save_erasure(database.layout, state)
    return state


def _copy(database: Database, cursor: Cursor, on_progress: store_reports.OnProgress) -> Path:
    folder = copy_folder(database.layout)
    if not has_room(folder, database.layout.store.stat().st_size):
        raise StoreError(f"{folder}: there is not enough space for the copy of the store that an erasure needs")
    new = folder / f"erase-{secrets.token_hex(4)}.duckdb"
    try:
        copy_rows(cursor, new, changes={**CHANGES, **COMPUTED}, on_progress=on_progress)
        new.chmod(0o600)
        sync_file(new)
    except BaseException:
        for path in folder.glob(f"{new.name}*"):
            path.unlink(missing_ok=True)
        raise
    return new


def _swap(database: Database, new: Path, on_progress: store_reports.OnProgress) -> None:
    on_progress(store_reports.Progress("swapping the file", 0, 1))
    database.replace_file(new)
    on_progress(store_reports.Progress("swapping the file", 1, 1))


def _record(database: Database, state: ErasureState, erasure: store_reports.Erasure, now_us: int) -> None:
    """Record the erasure and its counts in the ledger and the audit trail, without the unit's name."""
    counts = msgspec.json.encode(state.counts | {UNREADABLE: len(erasure.unreadable)}).decode()
    with database.transaction() as cursor:
        cursor.insert(
            "erasures",
            erasure_id=state.erasure_id,
            at_time=timestamp(state.at_us),
            ended_time=timestamp(now_us),
            unit_kind=state.kind,
            unit_hash=erasure.unit_hash,
            actor=state.actor,
            counts=counts,
        )
    audit.record(
        database,
        now_us=now_us,
        actor=state.actor,
        action="store.erase",
        subject=erasure.unit_hash,
        details={"erasure_id": state.erasure_id, "counts": state.counts},
    )


def check_backups(
    database: Database, state: ErasureState, *, on_progress: store_reports.OnProgress = store_reports.ignore_progress
) -> tuple[store_reports.BackupStatus, ...]:
    """Check every listed backup of this store, and remove the unit from those that contain it, if requested."""
    looks = []
    for listed in list_backups(database):
        folder = Path(listed.path)
        try:
            outcome = _check(database, folder, listed, state, on_progress)
        except (FairtrialError, OSError, duckdb.Error):
            outcome = "can't be read" if folder.exists() else "not there"
        looks.append(store_reports.BackupStatus(listed.path, outcome))
    return tuple(looks)


def _check(
    database: Database,
    folder: Path,
    listed: store_reports.ListedBackup,
    state: ErasureState,
    on_progress: store_reports.OnProgress,
) -> store_reports.Found:
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
    update_backup(database, listed.backup_id, size=written.bytes, sha256=written.sha256)
    return "rewritten"


def _rewrite(cursor: Cursor, folder: Path, manifest: Manifest, on_progress: store_reports.OnProgress) -> Manifest:
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
