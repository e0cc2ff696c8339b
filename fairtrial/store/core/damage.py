"""A store that can't be used: how damage is noticed, how it is remembered, and what the operator can do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from fairtrial.config.layout import Layout
from fairtrial.config.private_files import write_private
from fairtrial.domain.errors import StoreError
from fairtrial.store.core import manifest

MAGIC_AT, MAGIC = 8, b"DUCK"
"""Every DuckDB file has these bytes there."""

DAMAGED = ("Corrupt database file", "Could not read enough bytes", "not a valid DuckDB database file")
"""What the engine says of a file that is not what it wrote."""

NEWER = "which a newer fairtrial made"

Identity = tuple[int, int, int]
"""Inode, time of the last change and size: the same file, unchanged."""


def unusable(layout: Layout, why: object) -> StoreError:
    """The error for a store that can't be used, with what to do about it."""
    return StoreError(f"{layout.store}: the store can't be opened ({why})\n{advice(layout, str(why))}")


@contextmanager
def opening(layout: Layout) -> Iterator[None]:
    """What the disk or the engine refuses while a store is opened is an error of that store."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise unusable(layout, error) from error


def advice(layout: Layout, why: str) -> str:
    """One line: what to do about a store that can't be used."""
    if "No space left on device" in why:
        return f"Make room on the disk that holds {layout.folder}."
    if "Permission denied" in why:
        return f"Let the user that runs fairtrial read and write {layout.store} and {layout.folder}."
    if NEWER in why:
        return "Start it with that fairtrial, or newer. " + _restoring(layout)
    return _restoring(layout)


def _restoring(layout: Layout) -> str:
    found = manifest.newest(layout)
    if found is None:
        store, plan = _short(layout.store), _short(layout.plan)
        return (
            f"No backup of it was found. To begin with an empty store: mv {store} {store}.damaged; rm -f {store}.wal "
            f"{plan} (requests that the journals still hold are brought in again; keys, accounts, reviews and verdicts "
            "are not)."
        )
    made = datetime.fromtimestamp(found.made_us / 1e6, UTC)
    return (
        f"Restore the newest backup, of {made:%Y-%m-%d %H:%M} UTC: fairtrial store restore {_short(found.path)} --force"
    )


def refuse_damaged(layout: Layout) -> None:
    """Raise `StoreError` for a store that was found damaged before, or that was lost since control last had it."""
    why = _lost(layout) or _noted(layout)
    if why is not None:
        raise unusable(layout, why)


def is_damage(error: duckdb.Error) -> bool:
    """Whether the engine says that the file is damaged."""
    return any(words in str(error) for words in DAMAGED)


def needs_reopening(error: duckdb.Error) -> bool:
    """Whether the engine will answer nothing more until the store is opened again."""
    return isinstance(error, duckdb.FatalException | duckdb.InternalException)


def note_damage(layout: Layout, why: str) -> None:
    """Remember it for the next start: a damaged block is met only by a query that reads it, not by opening."""
    with suppress(OSError):
        identity = _identity(layout.store)
        write_private(layout.damage, json.dumps({"file": identity, "why": why}).encode())


def wrong_file(store: Path, inode: int | None) -> str | None:
    """What has happened to the file of an open store; ``None`` if it is there and begins as it should."""
    try:
        with store.open("rb") as file:
            head = file.read(MAGIC_AT + len(MAGIC))
        now = store.stat().st_ino
    except FileNotFoundError:
        return "the file was removed while it was in use"
    except OSError:
        return None  # the disk may be away for a moment: the engine says what it thinks of it
    if inode is not None and now != inode:
        return "the file was replaced while it was in use"
    return None if head[MAGIC_AT:] == MAGIC else "the file was overwritten while it was in use"


def _lost(layout: Layout) -> str | None:
    """Control has published a plan from this store, so an empty file, or none, is not a first start."""
    if not (layout.plan.exists() and layout.internal_key.exists()):
        return None
    if not layout.store.exists():
        return "the file is gone, but its folder holds the plan that it published"
    return "the file is empty" if layout.store.stat().st_size == 0 else None


def _noted(layout: Layout) -> str | None:
    """What was noted of this very file; a note of another one, as after a restore, is removed."""
    try:
        noted = json.loads(layout.damage.read_bytes())
        if tuple(noted["file"]) == _identity(layout.store):
            return f"it was found damaged: {noted['why']}; remove {_short(layout.damage)} to open it all the same"
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with suppress(OSError):
        layout.damage.unlink()
    return None


def _identity(store: Path) -> Identity:
    found = store.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _short(path: Path) -> str:
    """As it is typed in the folder where the program runs, if it lies in it."""
    with suppress(ValueError, OSError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
