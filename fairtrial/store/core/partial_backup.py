"""Writes a backup in a hidden folder, which is deleted on any failure, even after a kill.

The owner records the folder in a note; the next program that opens the store deletes the folders in such notes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtrial.config.private_files import write_private

NOTE = "backup.part"


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
