"""Creates the API keys for commands on this machine, each in a file that only its owner can read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairtrial.api.keys import CreateKey
from fairtrial.config.layout import Layout
from fairtrial.domain.accounts import Right
from fairtrial.safe_files import write_private
from fairtrial.store.access import keys
from fairtrial.store.core.database import Database


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A key's name, its rights, and the path of its file."""

    name: str
    rights: tuple[Right, ...]
    path: Callable[[Layout], Path]


INTERNAL = LocalKey("internal", ("complete", "pin", "see_variant"), lambda layout: layout.internal_key)
"""Evaluation runs use it for the gateway."""

ADMIN = LocalKey("admin", ("admin",), lambda layout: layout.admin_key)
"""Commands use it for the control API."""


def ensure_key(database: Database, wanted: LocalKey, *, now_us: int) -> None:
    """Keep the key of an earlier start if it is still valid, so that running work can continue; else create one."""
    path = wanted.path(database.layout)
    digest = _digest_of_file(path)
    if any(key.sha256 == digest for key in keys.valid(database)):
        return
    made = keys.create(database, CreateKey(name=wanted.name, rights=wanted.rights), now_us=now_us)
    write_private(path, f"{made.secret}\n".encode())


def _digest_of_file(path: Path) -> str | None:
    try:
        return keys.digest(path.read_text(encoding="utf-8").strip())
    except OSError:
        return None
