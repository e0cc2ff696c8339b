"""Creates, lists and revokes API keys. A key is shown once and stored only as a SHA-256 hash."""

from __future__ import annotations

import hashlib
import secrets

from fairtrial.api.keys import CreateKey
from fairtrial.domain.accounts import RIGHTS, NewKey
from fairtrial.domain.errors import UsageError, control_character
from fairtrial.domain.plan import Key
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query, timestamp

SECRET_BYTES = 32
ID_BYTES = 6

LIST = """
SELECT key_id, name, rights, routes, created_time, expires_time, revoked_time
FROM keys
ORDER BY created_time DESC, key_id
LIMIT $1 OFFSET $2
"""
VALID = "SELECT key_id, name, sha256, rights, routes, expires_time FROM keys WHERE revoked_time IS NULL ORDER BY key_id"
REVOKE = "UPDATE keys SET revoked_time = ? WHERE key_id = ? AND revoked_time IS NULL RETURNING key_id"


def create(database: Database, wanted: CreateKey, *, now_us: int) -> NewKey:
    """Create a key; raises `UsageError` for an unknown right or a name with control characters."""
    name, rights, routes, expires_us = wanted.name, wanted.rights, wanted.routes, wanted.expires_us
    unknown = [right for right in rights if right not in RIGHTS]
    if unknown:
        raise UsageError(f"keys: unknown right {unknown[0]!r} (known: {', '.join(RIGHTS)})")
    for text in (name, *routes):
        if (odd := control_character(text)) is not None:
            raise UsageError(f"keys: {text!r} holds the control character {odd} (use visible characters)")
    key_id = secrets.token_hex(ID_BYTES)
    secret = f"ft-{key_id}-{secrets.token_urlsafe(SECRET_BYTES)}"
    may = {"rights": list(rights), "routes": list(routes)}
    times = {"created_time": timestamp(now_us), "expires_time": None if expires_us is None else timestamp(expires_us)}
    with database.transaction() as cursor:
        cursor.insert("keys", key_id=key_id, name=name, sha256=digest(secret), **may, **times)
    return NewKey(key_id, name, secret, rights, routes, expires_us)


def digest(secret: str) -> str:
    """The stored form of a key. A fast hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def listing(limit: int = 1000, offset: int = 0) -> Query:
    """All keys, including revoked ones, newest first, without hashes."""
    return Query(LIST, (limit, offset))


def valid(database: Database) -> tuple[Key, ...]:
    """The keys that are not revoked, in the form that the gateway gets."""
    return tuple(database.values(Key, VALID))


def revoke(database: Database, key_id: str, *, now_us: int) -> None:
    """Revoke a key; raises `UsageError` if there is no valid key with this id."""
    with database.transaction() as cursor:
        done = cursor.execute(REVOKE, [timestamp(now_us), key_id]).fetchall()
    if not done:
        raise UsageError(f"keys: there is no valid key {key_id!r} (see: fairtrial keys list)")
