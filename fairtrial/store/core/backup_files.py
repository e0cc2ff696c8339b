"""Reads, writes and verifies the files of a backup, which stays in a hidden folder until it is complete."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.constants import PRIVATE
from fairtrial.domain.store_reports import OnProgress, Progress, ignore_progress
from fairtrial.safe_files import MIB, digest_of, read_named, write_private
from fairtrial.store.core.engine import migrations

MANIFEST = "manifest.json"
STORE = "fairtrial.duckdb"
VERSION = 1
MOST_BYTES = 64 * MIB
"""Of a manifest, which lists every segment of the journal."""
NEARBY = (f"*/{MANIFEST}", f"*/*/{MANIFEST}")
"""Where to look for backups of earlier releases, which did not list them: in folders next to the store."""

NOTE = "backup.part"


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


@contextmanager
def part_beside(dest: Path, notes: Path) -> Iterator[Path]:
    """A new private folder beside ``dest`` for the caller to rename; otherwise it is deleted at the end.

    Missing parent folders are created, and deleted again if they stay empty. ``notes``: the folder in which
    `sweep_part` looks. Raises `OSError`.
    """
    missing = [folder for folder in dest.parents if not folder.exists()]
    part = dest.with_name(f".backup-{secrets.token_hex(4)}.part")
    write_private(notes / NOTE, os.fsencode(part))
    try:
        for folder in reversed(missing):
            folder.mkdir(mode=0o700)
        part.mkdir(mode=0o700)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        for folder in missing:
            with contextlib.suppress(OSError):  # the folder contains the backup
                folder.rmdir()
        (notes / NOTE).unlink(missing_ok=True)


def sweep_part(notes: Path) -> None:
    """Delete the partial backups of a killed program. For the owner of the store only."""
    try:
        part = Path(os.fsdecode((notes / NOTE).read_bytes()))
    except FileNotFoundError:
        return
    if part.name.startswith(".backup-") and part.name.endswith(".part"):
        shutil.rmtree(part, ignore_errors=True)
