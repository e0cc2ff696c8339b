"""Where the backups of a store are, for the time when the store itself can't be asked: a list of paths beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import UsageError
from fairtrial.store.manifest import MANIFEST, read_manifest
from fairtrial.store.migrate import migrations

PRIVATE = 0o600
NEARBY = (f"*/{MANIFEST}", f"*/*/{MANIFEST}")
"""Where backups of an earlier release are looked for, which kept no list: in folders beside the store."""


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
