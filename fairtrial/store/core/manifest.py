"""What a backup says of itself: the digest, size and rows of its store, its schema, and how far its journals were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.config.private_files import digest_of, write_private
from fairtrial.domain.errors import UsageError
from fairtrial.store.core.migrate import migrations
from fairtrial.store.core.progress import OnStep, Step, silent

MANIFEST = "manifest.json"
STORE = "fairtrial.duckdb"
VERSION = 1
PRIVATE = 0o600
NEARBY = (f"*/{MANIFEST}", f"*/*/{MANIFEST}")
"""Where backups of an earlier release are looked for, which kept no list: in folders beside the store."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``file`` is the store's name in the backup's folder; ``rows`` by table.

    ``positions``: how many bytes of each segment that was not finished yet are in the store.
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
    """What the backup says; raises `UsageError` if it is none, or one that this program doesn't know."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
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
        raise UsageError(f"{path}: file: {manifest.file!r} does not lie in the backup's folder")
    return manifest


def verify(folder: Path, on_step: OnStep = silent) -> Manifest:
    """The manifest of a backup whose store is whole and can be read by this program; else `UsageError`."""
    manifest = read_manifest(folder)
    path, newest = folder / manifest.file, max(migrations())
    if manifest.schema > newest:
        raise UsageError(
            f"{folder}: the backup has schema {manifest.schema}, which a newer fairtrial made (known: up to {newest})"
        )
    try:
        size = path.stat().st_size
        if size != manifest.bytes:
            raise UsageError(f"{path}: has {size:,} bytes, not the {manifest.bytes:,} of its manifest: it is not whole")
        found = digest_of(path, lambda done: on_step(Step("verifying the backup", done, size)))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from error
    if found != manifest.sha256:
        raise UsageError(f"{path}: does not match the digest of its manifest: it was damaged or changed")
    return manifest


@dataclass(frozen=True, slots=True)
class KnownBackup:
    """A backup that looks whole: its folder, and when it was made (microseconds since 1970, UTC)."""

    path: Path
    made_us: int


def remember(layout: Layout, path: Path) -> None:
    """Add a backup to the list; a disk that refuses costs the entry, not the backup."""
    with suppress(OSError):
        fd = os.open(layout.backups, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(fd, "wb") as file:
            file.write(os.fsencode(path) + b"\n")


def newest(layout: Layout) -> KnownBackup | None:
    """The newest backup that this program can restore; `store restore` verifies its digest."""
    listed = max(_sound(_listed(layout)), key=lambda one: one.made_us, default=None)
    return listed or max(_sound(_nearby(layout)), key=lambda one: one.made_us, default=None)


def _listed(layout: Layout) -> Iterator[Path]:
    with suppress(OSError):
        yield from (Path(os.fsdecode(line)) for line in layout.backups.read_bytes().splitlines() if line)


def _nearby(layout: Layout) -> Iterator[Path]:
    with suppress(OSError):
        for pattern in NEARBY:
            yield from (found.parent for found in layout.store.parent.glob(pattern))


def _sound(folders: Iterator[Path]) -> Iterator[KnownBackup]:
    newest_schema = max(migrations())
    for folder in folders:
        with suppress(OSError, UsageError, ValueError):
            manifest = read_manifest(folder)
            whole = (folder / manifest.file).stat().st_size == manifest.bytes
            if whole and manifest.schema <= newest_schema:
                yield KnownBackup(folder, manifest.at_us)
