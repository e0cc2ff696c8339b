"""API keys: made here, shown once, kept as SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fairtrial.domain.errors import UsageError
from fairtrial.domain.names.printable import control_character
from fairtrial.domain.plan import RIGHTS, Key, Right
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query, at, microseconds

SECRET_BYTES = 32
ID_BYTES = 6

INSERT = """
INSERT INTO keys (key_id, name, sha256, rights, routes, created_time, expires_time, revoked_time)
VALUES (?, ?, ?, ?, ?, ?, ?, NULL)
"""
LIST = """
SELECT key_id, name, rights, routes, created_time, expires_time, revoked_time
FROM keys
ORDER BY created_time DESC, key_id
LIMIT $1 OFFSET $2
"""
VALID = "SELECT key_id, name, sha256, rights, routes, expires_time FROM keys WHERE revoked_time IS NULL ORDER BY key_id"
REVOKE = "UPDATE keys SET revoked_time = ? WHERE key_id = ? AND revoked_time IS NULL RETURNING key_id"
DEFAULT_RIGHTS: tuple[Right, ...] = ("complete", "feedback")


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """What a new key may do, on which routes (none named: all), and until when (microseconds since 1970, UTC)."""

    rights: Sequence[Right] = DEFAULT_RIGHTS
    routes: Sequence[str] = ()
    expires_us: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: ``secret`` is the whole text that callers send, and is never shown again."""

    key_id: str
    name: str
    secret: str
    rights: tuple[Right, ...]
    routes: tuple[str, ...]
    expires_us: int | None


def create(database: Database, name: str, *, now_us: int, options: KeyOptions = KeyOptions()) -> NewKey:
    """Make a key; raises `UsageError` for a right that does not exist, or a name that can't be printed."""
    rights, routes, expires_us = options.rights, options.routes, options.expires_us
    unknown = [right for right in rights if right not in RIGHTS]
    if unknown:
        raise UsageError(f"keys: unknown right {unknown[0]!r} (known: {', '.join(RIGHTS)})")
    for text in (name, *routes):
        if (odd := control_character(text)) is not None:
            raise UsageError(f"keys: {text!r} holds the control character {odd} (letters that can be seen)")
    key_id = secrets.token_hex(ID_BYTES)
    secret = f"ft-{key_id}-{secrets.token_urlsafe(SECRET_BYTES)}"
    expires = None if expires_us is None else at(expires_us)
    row = [key_id, name, digest(secret), list(rights), list(routes), at(now_us), expires]
    with database.writing() as cursor:
        cursor.execute(INSERT, row)
    return NewKey(key_id, name, secret, tuple(rights), tuple(routes), expires_us)


def digest(secret: str) -> str:
    """What is stored of a key: a fast hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def listing(limit: int = 1000, offset: int = 0) -> Query:
    """All keys, the revoked ones too, newest first; no hashes."""
    return Query(LIST, (limit, offset))


def valid(database: Database) -> tuple[Key, ...]:
    """The keys that are not revoked, as the gateway gets them."""
    return tuple(_key(*row) for row in database.rows(VALID))


def revoke(database: Database, key_id: str, *, now_us: int) -> None:
    """End a key; `UsageError` if there is none of that id that is still valid."""
    with database.writing() as cursor:
        done = cursor.execute(REVOKE, [at(now_us), key_id]).fetchall()
    if not done:
        raise UsageError(f"keys: there is no valid key {key_id!r} (see: fairtrial keys list)")


def _key(key_id: str, name: str, sha256: str, rights: list[Right], routes: list[str], expires: Any) -> Key:
    return Key(key_id, name, sha256, tuple(rights), tuple(routes), None if expires is None else microseconds(expires))
