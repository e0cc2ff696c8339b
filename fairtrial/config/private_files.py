"""Writes files completely or not at all: written beside the target, synced, renamed. Most are for their owner alone."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from fairtrial.domain.limits.constants import PRIVATE

PIECE = 4 * 2**20
ROOM = 1.1
"""Extra space, because a copy may be slightly larger than its source."""


def write_private(path: Path, content: bytes) -> None:
    """`replace_file` with one that only its owner may read."""
    replace_file(path, content, mode=PRIVATE)


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file: readers see the complete old one or the complete new one; raises `OSError`."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def copy_private(source: Path, target: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """Copy a file to a new one and sync it; returns the SHA-256 in hex; raises `OSError`."""
    digest = hashlib.sha256()
    fd = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    with source.open("rb") as file, os.fdopen(fd, "wb") as out:
        while piece := file.read(PIECE):
            digest.update(piece)
            out.write(piece)
            on_bytes(out.tell())
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def sync_file(path: Path) -> None:
    """Wait until the file is on disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on disk, because a rename must survive a power failure."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sweep_folder(folder: Path) -> None:
    """Create the folder, or delete the files of a killed program in it. For the owner of the store only."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def has_room(folder: Path, bytes_: int) -> bool:
    """Whether a copy of this many bytes fits."""
    return shutil.disk_usage(folder).free > bytes_ * ROOM
