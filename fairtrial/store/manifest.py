"""What a backup says of itself: the digest, size and rows of its store, its schema, and how far its journals were."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.config.private_files import digest_of, write_private
from fairtrial.domain.errors import UsageError
from fairtrial.store.migrate import migrations
from fairtrial.store.steps import OnStep, Step, silent

MANIFEST = "manifest.json"
STORE = "fairtrial.duckdb"
VERSION = 1


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
