"""Recognises a store that can't be used, and verifies the backups from which it can be restored."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb
import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.store_reports import OnProgress, Progress, ignore_progress
from fairtrial.named_files import digest_of, read_named
from fairtrial.safe_files import MIB, PRIVATE, write_private
from fairtrial.store.core.engine import migrations

MANIFEST = "manifest.json"
STORE = "fairtrial.duckdb"
VERSION = 1
MOST_BYTES = 64 * MIB
"""Of a manifest, which lists every segment of the journal."""
NEARBY = (f"*/{MANIFEST}", f"*/*/{MANIFEST}")
"""Where to look for backups of earlier releases, which did not list them: in folders next to the store."""

MAGIC_AT, MAGIC = 8, b"DUCK"
"""Every DuckDB file contains these bytes at this offset."""
NEWER = "of a newer fairtrial"
NO_SPACE, NO_ACCESS = "No space left on device", "Permission denied"
INTACT = (NEWER, NO_SPACE, NO_ACCESS)
"""Why a store can't be opened although nothing is wrong with its file."""
Identity = tuple[int, int, int]
"""Inode, time of the last change, and size. Equal values mean that the file has not changed."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backup's description. ``file`` is the store's name in the backup's folder; ``rows`` are counted by table.

    ``positions``: how many bytes of each unfinished segment are in the store.
    """

    backup_id: str
    at_us: int
    file: str
    bytes: int
    sha256: str
    schema: int
    duckdb: str
    rows: dict[str, int]
    positions: dict[str, int]
    format: Literal["fairtrial-backup"] = "fairtrial-backup"
    version: int = VERSION


class _Head(msgspec.Struct, frozen=True):
    format: str = ""
    version: int = 0


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the backup's manifest; raises `OSError`."""
    write_private(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Read a backup's manifest; raises `UsageError` if there is none, or if its version is unknown."""
    path = folder / MANIFEST
    try:
        content = read_named(path, most=MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"{folder}: not a backup (a backup is a folder with {STORE} and {MANIFEST}; see: fairtrial store backup)"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from error
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format == "fairtrial-backup" and head.version > VERSION:
            raise UsageError(f"{path}: version {head.version} is newer than this program (known: up to {VERSION})")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not the manifest of a backup ({error})") from error
    if Path(manifest.file).name != manifest.file:
        raise UsageError(f"{path}: file: {manifest.file!r} is not in the backup's folder")
    return manifest


def verify(folder: Path, on_progress: OnProgress = ignore_progress) -> Manifest:
    """The manifest of a backup whose store is intact and readable by this program; otherwise raises `UsageError`."""
    manifest = read_manifest(folder)
    path, newest = folder / manifest.file, max(migrations())
    if manifest.schema > newest:
        raise UsageError(
            f"{folder}: the backup has schema {manifest.schema}, of a newer fairtrial (known: up to {newest})"
        )
    try:
        size = path.stat().st_size
        if size != manifest.bytes:
            raise UsageError(
                f"{path}: has {size:,} bytes, not the {manifest.bytes:,} of its manifest: it is incomplete"
            )
        digest = digest_of(path, lambda done: on_progress(Progress("verifying the backup", done, size)))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from error
    if digest != manifest.sha256:
        raise UsageError(f"{path}: does not match the digest of its manifest: it was damaged or changed")
    return manifest


@dataclass(frozen=True, slots=True)
class KnownBackup:
    """A backup that looks intact: its folder, and when it was made (microseconds since 1970, UTC)."""

    path: Path
    made_us: int


def add_to_list(layout: Layout, path: Path) -> None:
    """Add a backup to the list. If the disk is full, the backup stays valid but is not listed."""
    with suppress(OSError):
        fd = os.open(layout.backups, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(fd, "wb") as file:
            file.write(os.fsencode(path) + b"\n")


def newest(layout: Layout) -> KnownBackup | None:
    """The newest backup that this program can restore. `store restore` verifies its digest."""
    listed = max(_usable(_listed(layout)), key=lambda backup: backup.made_us, default=None)
    return listed or max(_usable(_nearby(layout)), key=lambda backup: backup.made_us, default=None)


def _listed(layout: Layout) -> Iterator[Path]:
    with suppress(OSError):
        yield from (Path(os.fsdecode(line)) for line in layout.backups.read_bytes().splitlines() if line)


def _nearby(layout: Layout) -> Iterator[Path]:
    with suppress(OSError):
        for pattern in NEARBY:
            yield from (manifest.parent for manifest in layout.store.parent.glob(pattern))


def _usable(folders: Iterator[Path]) -> Iterator[KnownBackup]:
    newest_schema = max(migrations())
    for folder in folders:
        with suppress(OSError, UsageError, ValueError):
            manifest = read_manifest(folder)
            whole = (folder / manifest.file).stat().st_size == manifest.bytes
            if whole and manifest.schema <= newest_schema:
                yield KnownBackup(folder, manifest.at_us)


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
    if NO_SPACE in why:
        return f"Free space on the disk that holds {layout.folder}."
    if NO_ACCESS in why:
        return f"Give the user that runs fairtrial read and write access to {layout.store} and {layout.folder}."
    if NEWER in why:
        return "Start it with that version of fairtrial or a newer one. " + _restore_advice(layout)
    return _restore_advice(layout)


def _restore_advice(layout: Layout) -> str:
    backup = newest(layout)
    if backup is None:
        return (
            "No backup of it was found. To begin with an empty store: fairtrial store new --why … (requests that are "
            "still in the journals are ingested again; keys, accounts, reviews and verdicts are not). "
            f"{kept_states(layout)}"
        )
    made = datetime.fromtimestamp(backup.made_us / 1e6, UTC)
    command = f"fairtrial store restore {_short(backup.path)} --force"
    return f"Restore the newest backup, of {made:%Y-%m-%d %H:%M} UTC: {command}"


def kept_states(layout: Layout) -> str:
    """What becomes of the experiments if the store is a new one or an older copy."""
    if layout.plan.exists():
        return f"Experiments that {_short(layout.plan)} shows as stopped stay stopped, so do not remove that file."
    return f"Every experiment waits for a person, because {_short(layout.plan)} is missing, too."


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
    """Why the store counts as lost. Its owner has written into its folder, so this is not a first start."""
    if not (layout.chain_head.exists() or layout.internal_key.exists()):
        return None
    if not layout.store.exists():
        return f"the file is gone, but {layout.folder} shows that there was one"
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
