"""The key of evaluation runs on this machine: in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets

from fairtrial.config.layout import Layout
from fairtrial.domain.plan import Right
from fairtrial.store import keys
from fairtrial.store.database import Database

NAME = "internal"
RIGHTS: tuple[Right, ...] = ("complete", "pin", "see_variant")
PRIVATE = 0o600


def ensure_internal_key(database: Database, *, now_us: int) -> None:
    """Keep the key of an earlier start if it is still valid, so that runs under way go on; else make a new one."""
    digest = _digest_of_file(database.layout)
    if any(key.sha256 == digest for key in keys.valid(database)):
        return
    made = keys.create(database, NAME, now_us=now_us, options=keys.KeyOptions(RIGHTS))
    path = database.layout.internal_key
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(made.secret + "\n")
    temporary.replace(path)


def _digest_of_file(layout: Layout) -> str | None:
    try:
        return keys.digest(layout.internal_key.read_text(encoding="utf-8").strip())
    except OSError:
        return None
