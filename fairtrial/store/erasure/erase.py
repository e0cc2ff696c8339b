"""Erases a unit from a store in use: from its rows, the bytes of its file, its journals, caches, logs and backups.

A deleted row stays in the file's bytes, so the rows are copied into a new file without the unit, which then takes the
old one's place in one rename. Whenever the program dies, the store is the old one or the new one, whole, and what was
begun is finished at the next start.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import msgspec

from fairtrial.config.private_files import has_room, sync_file
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.ids import ENTROPY_BYTES, uuid7
from fairtrial.domain.plan import UnitKind
from fairtrial.store.access import audit
from fairtrial.store.core import erasure_state
from fairtrial.store.core.database import Cursor, Database, copies
from fairtrial.store.core.engine_errors import in_words
from fairtrial.store.core.erasure_state import ErasureState, unit_hash
from fairtrial.store.core.progress import OnStep, Step, silent
from fairtrial.store.core.query import at
from fairtrial.store.derived.placements import fold
from fairtrial.store.erasure.backups import BackupLook, look_into_backups
from fairtrial.store.erasure.files import Wanted, blank_files
from fairtrial.store.erasure.rows import CHANGES, COMPUTED, collect, count_rows
from fairtrial.store.erasure.tombstones import UNREADABLE, remember
from fairtrial.store.maintenance.copying import copy_rows

LONGEST_UNIT = 100_000
"""Letters: the application may send any name, and what it may send can be erased."""
POSITIONS = "SELECT segment, max(position) FROM offsets GROUP BY segment"
LEDGER = """
INSERT INTO erasures (erasure_id, at_time, ended_time, unit_kind, unit_hash, actor, counts) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """Who is to be erased: the name that the application sends, and the pseudonym that the store has for it."""

    name: str
    kind: UnitKind
    pseudonym: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was found and erased: rows by table and lines by kind of file; how the backups stand, and what stays unread.

    ``unreadable`` are segments that can't be read, and in which the unit may be.
    """

    erasure_id: str
    unit_hash: str
    counts: dict[str, int] = field(default_factory=dict)
    backups: tuple[BackupLook, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether the unit was anywhere."""
        return bool(self.counts) or any(look.found in ("holds it", "rewritten") for look in self.backups)


def new_state(unit: Unit, *, now_us: int, actor: str, rewrite_backups: bool = False) -> ErasureState:
    """What an erasure begins with; raises `UsageError` for a name that can't be one."""
    if not unit.name.strip() or len(unit.name) > LONGEST_UNIT:
        raise UsageError(f"unit: needs a name of 1 to {LONGEST_UNIT:,} letters (here: {len(unit.name.strip()):,})")
    if any("\ud800" <= letter <= "\udfff" for letter in unit.name):
        raise UsageError("unit: the name is no text in UTF-8 (erase its requests one by one: --kind request)")
    return ErasureState(
        erasure_id=uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES)),
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
    on_step: OnStep = silent,
) -> Erasure:
    """Erase a unit, or go on with an erasure that was begun. Bring the journal in before.

    Writers of the store wait while its file is copied, readers for the moment of the swap. Raises `StoreError`; what is
    done stays done, and the rest is done by calling it again.
    """
    layout = database.layout
    try:
        state, positions = _erase_rows(database, state, on_step)
        fold(database)
        wanted = Wanted(state.unit, state.pseudonym, state.names)
        with database.sealed_segments:
            blanked = blank_files(layout, wanted, positions=positions, on_step=on_step)
        state = _noted(database, state, {name: state.counts.get(name, 0) + new for name, new in blanked.items()})
        backups = look_into_backups(database, state, on_step=on_step)
    except (OSError, duckdb.Error) as error:
        raise StoreError(
            f"{layout.store}: the erasure could not be finished, and goes on when it is asked for again "
            f"({in_words(error)})"
        ) from error
    erasure = Erasure(state.erasure_id, unit_hash(state.pseudonym), dict(state.counts), backups, unreadable)
    if erasure.found:
        remember(layout, state, now_us=now_us)
        _enter(database, state, erasure, now_us)
    erasure_state.forget(layout)
    on_step(Step("erased", 1, 1))
    return erasure


def _erase_rows(database: Database, state: ErasureState, on_step: OnStep) -> tuple[ErasureState, dict[str, int]]:
    """The store without the unit; with the names that were found, and how far each segment is in the store."""
    with database.frozen() as cursor:
        names = collect(
            cursor, pseudonym=state.pseudonym, salt=state.salt, unit=state.unit, kind=state.kind, known=state.names
        )
        positions = {str(segment): int(end) for segment, end in cursor.execute(POSITIONS).fetchall()}
        counts = count_rows(cursor)
        state = _noted(database, msgspec.structs.replace(state, names=names), counts)
        if counts:
            on_step(Step("copying rows", 0, 1))
            _swap(database, _copy(database, cursor, on_step), on_step)
    return state, positions


def _noted(database: Database, state: ErasureState, counts: dict[str, int]) -> ErasureState:
    """Written down before anything of it is destroyed: rows that are gone can't be counted again."""
    larger = {name: max(state.counts.get(name, 0), counts.get(name, 0)) for name in {**state.counts, **counts}}
    state = msgspec.structs.replace(state, counts=larger)
    erasure_state.save(database.layout, state)
    return state


def _copy(database: Database, cursor: Cursor, on_step: OnStep) -> Path:
    folder = copies(database.layout)
    if not has_room(folder, database.layout.store.stat().st_size):
        raise StoreError(f"{folder}: there is no room for a copy of the store, which an erasure needs")
    new = folder / f"erase-{secrets.token_hex(4)}.duckdb"
    try:
        copy_rows(cursor, new, changes={**CHANGES, **COMPUTED}, on_step=on_step)
        new.chmod(0o600)
        sync_file(new)
    except BaseException:
        for path in folder.glob(f"{new.name}*"):
            path.unlink(missing_ok=True)
        raise
    return new


def _swap(database: Database, new: Path, on_step: OnStep) -> None:
    on_step(Step("swapping the file", 0, 1))
    database.replace_file(new)
    on_step(Step("swapping the file", 1, 1))


def _enter(database: Database, state: ErasureState, erasure: Erasure, now_us: int) -> None:
    """The ledger and the audit trail: that it was done, and how much; never who it was."""
    counts = msgspec.json.encode(state.counts | {UNREADABLE: len(erasure.unreadable)}).decode()
    with database.writing() as cursor:
        row = [state.erasure_id, at(state.at_us), at(now_us), state.kind, erasure.unit_hash, state.actor, counts]
        cursor.execute(LEDGER, row)
    audit.record(
        database,
        now_us=now_us,
        actor=state.actor,
        action="store.erase",
        subject=erasure.unit_hash,
        details={"erasure_id": state.erasure_id, "counts": state.counts},
    )
