"""Keeps the secrets of one store, such as the one of its pseudonyms, and marks of what happens only once."""

from __future__ import annotations

import secrets

from fairtrial.store.core.database import Database

READ = "SELECT value FROM settings WHERE name = ?"
PEPPER = "pepper"
SECRET_BYTES = 32


def pepper(database: Database) -> str:
    """The secret from which this store's pseudonyms are made; created at the first use."""
    return secret(database, PEPPER)


def secret(database: Database, name: str) -> str:
    """The store's secret with this name, in hex; created at the first use."""
    if (found := database.value(READ, [name])) is not None:
        return str(found)
    with database.transaction() as cursor:
        if (found := cursor.value(READ, [name])) is not None:
            return str(found)
        made = secrets.token_hex(SECRET_BYTES)
        cursor.insert("settings", name=name, value=made)
    return made


def is_first_time(database: Database, name: str) -> bool:
    """Whether this is the first call with this name in the life of the store."""
    with database.transaction() as cursor:
        if cursor.value(READ, [name]) is not None:
            return False
        cursor.insert("settings", name=name, value="done")
    return True
