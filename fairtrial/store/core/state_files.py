"""Keeps files beside the store: recorded damage, the state of an unfinished erasure, and reports of migrations."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.domain.plan import UnitKind
from fairtrial.safe_files import write_private
from fairtrial.store.core import backup_files

MAGIC_AT, MAGIC = 8, b"DUCK"
"""Every DuckDB file contains these bytes at this offset."""

NEWER = "of a newer fairtrial"

Identity = tuple[int, int, int]
"""Inode, time of the last change, and size. Equal values mean that the file has not changed."""

ERASURE_FILE = "erasure.json"


def unusable_error(layout: Layout, why: object) -> StoreError:
    """The error for a store that can't be used, with advice for the operator."""
    return StoreError(f"{layout.store}: the store can't be opened ({why})\n{advice(layout, str(why))}")


@contextmanager
def unusable_on_error(layout: Layout) -> Iterator[None]:
    """Turn errors of the disk or the engine while a store is opened into a `StoreError`."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise unusable_error(layout, error) from error


def advice(layout: Layout, why: str) -> str:
    """One line of advice for a store that can't be used."""
    if "No space left on device" in why:
        return f"Free space on the disk that holds {layout.folder}."
    if "Permission denied" in why:
        return f"Give the user that runs fairtrial read and write access to {layout.store} and {layout.folder}."
    if NEWER in why:
        return "Start it with that version of fairtrial or a newer one. " + _restore_advice(layout)
    return _restore_advice(layout)


def _restore_advice(layout: Layout) -> str:
    backup = backup_files.newest(layout)
    if backup is None:
        store, plan = _short(layout.store), _short(layout.plan)
        return (
            f"No backup of it was found. To start with an empty store: mv {store} {store}.damaged; rm -f {store}.wal "
            f"{plan} (requests that are still in the journals are ingested again; keys, accounts, reviews and verdicts "
            "are not)."
        )
    made = datetime.fromtimestamp(backup.made_us / 1e6, UTC)
    command = f"fairtrial store restore {_short(backup.path)} --force"
    return f"Restore the newest backup, of {made:%Y-%m-%d %H:%M} UTC: {command}"


def refuse_damaged(layout: Layout) -> None:
    """Raise `StoreError` for a store that was recorded as damaged, or that disappeared since control last used it."""
    why = _why_lost(layout) or _recorded_damage(layout)
    if why is not None:
        raise unusable_error(layout, why)


def needs_reopening(error: duckdb.Error) -> bool:
    """Whether the engine will answer no more queries until the store is opened again."""
    return isinstance(error, duckdb.FatalException | duckdb.InternalException)


def record_damage(layout: Layout, why: str) -> None:
    """Record the damage for the next start. Opening a store does not reveal a damaged block; only reading it does."""
    with suppress(OSError):
        identity = _identity(layout.store)
        write_private(layout.damage, json.dumps({"file": identity, "why": why}).encode())


def file_problem(store: Path, inode: int | None) -> str | None:
    """What happened to the file of an open store; ``None`` if the file exists and has the right header."""
    try:
        with store.open("rb") as file:
            head = file.read(MAGIC_AT + len(MAGIC))
        now = store.stat().st_ino
    except FileNotFoundError:
        return "the file was removed while it was in use"
    except OSError:
        return None  # the disk may be unavailable for a moment; the engine reports it if the problem lasts
    if inode is not None and now != inode:
        return "the file was replaced while it was in use"
    return None if head[MAGIC_AT:] == MAGIC else "the file was overwritten while it was in use"


def _why_lost(layout: Layout) -> str | None:
    """Why the store counts as lost. A published plan exists, so an empty or absent file is not a first start."""
    if not (layout.plan.exists() and layout.internal_key.exists()):
        return None
    if not layout.store.exists():
        return "the file is gone, but its folder holds the plan that it published"
    return "the file is empty" if layout.store.stat().st_size == 0 else None


def _recorded_damage(layout: Layout) -> str | None:
    """The recorded damage of this file. A record about another file, as after a restore, is deleted."""
    try:
        noted = json.loads(layout.damage.read_bytes())
        if tuple(noted["file"]) == _identity(layout.store):
            return f"it was found damaged: {noted['why']}; remove {_short(layout.damage)} to open it anyway"
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with suppress(OSError):
        layout.damage.unlink()
    return None


def _identity(store: Path) -> Identity:
    status = store.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _short(path: Path) -> str:
    """The path relative to the working directory, if it is inside it."""
    with suppress(ValueError, OSError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


class ErasureState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An erasure in progress; without the ``salt``, the replacement names it made can't be traced back.

    ``salt`` makes the random names that replace those of the unit and its requests. ``names`` are the ids of the unit's
    requests and answers. ``counts`` says how much has been erased where so far. ``rewrite_backups``: erase from
    reachable backups too.

    The file is deleted when the erasure ends. The unit is written nowhere else; the ledger has only a hash of its
    pseudonym.
    """

    erasure_id: str
    at_us: int
    unit: str
    kind: UnitKind
    pseudonym: str
    salt: str
    actor: str
    rewrite_backups: bool = False
    names: tuple[str, ...] = ()
    counts: dict[str, int] = {}

    def requested_again(self, *, rewrite_backups: bool) -> "ErasureState":
        """This erasure, requested once more, perhaps with backups included."""
        return msgspec.structs.replace(self, rewrite_backups=self.rewrite_backups or rewrite_backups)


def unit_hash(pseudonym: str) -> str:
    """The name of a unit in the ledger and the audit trail. It suffices to recognise the unit, not to find it."""
    return hashlib.sha256(pseudonym.encode()).hexdigest()


def is_erasure_unfinished(layout: Layout) -> bool:
    """Whether an erasure has begun and not ended."""
    return _erasure_path(layout).exists()


def load_erasure(layout: Layout) -> ErasureState | None:
    """The unfinished erasure, or ``None``; raises `StoreError`."""
    path = _erasure_path(layout)
    try:
        return msgspec.json.decode(path.read_bytes(), type=ErasureState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: the state of an unfinished erasure can't be read ({type(error).__name__})"
        ) from error


def save_erasure(layout: Layout, state: ErasureState) -> None:
    """Write the progress of the erasure; raises `OSError`."""
    write_private(_erasure_path(layout), msgspec.json.encode(state))


def delete_erasure(layout: Layout) -> None:
    """Delete the state of an erasure that has ended."""
    _erasure_path(layout).unlink(missing_ok=True)


def sweep_erasure(layout: Layout) -> None:
    """Delete partly written files of a killed program, because they contain a unit's name. For the owner only."""
    for path in layout.folder.glob(f".{ERASURE_FILE}.*"):
        path.unlink()


def _erasure_path(layout: Layout) -> Path:
    return layout.folder / ERASURE_FILE


def save_migration_report(layout: Layout, old: str, report: dict[str, Any]) -> None:
    """Replace the report on this deployment; raises `OSError`."""
    write_private(layout.make().migrations / f"{quote(old, safe='')}.json", msgspec.json.encode(report))


def migration_reports(layout: Layout) -> dict[str, dict[str, Any]]:
    """The reports by the deployment that ends; raises `StoreError`."""
    reports: dict[str, dict[str, Any]] = {}
    for path in sorted(layout.migrations.glob("*.json")):
        try:
            report = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(f"{path}: the report of a migration can't be read ({error})") from error
        reports[str(report.get("old"))] = report
    return reports
