"""A backup while it is written: a hidden folder beside its place, which is gone at the end, also after a kill.

The owner notes where it is among its copies; whoever opens the store next deletes what the note names.
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
    """A new private folder beside ``dest``, whose parents are made; rename it, or it goes, and they too if empty.

    ``notes``: the folder that `sweep_part` looks into. Raises `OSError`.
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
            with contextlib.suppress(OSError):  # it holds the backup
                folder.rmdir()
        (notes / NOTE).unlink(missing_ok=True)


def sweep_part(notes: Path) -> None:
    """Delete what a killed program left of a backup. For the owner of the store only."""
    try:
        part = Path(os.fsdecode((notes / NOTE).read_bytes()))
    except FileNotFoundError:
        return
    if part.name.startswith(".backup-") and part.name.endswith(".part"):
        shutil.rmtree(part, ignore_errors=True)
