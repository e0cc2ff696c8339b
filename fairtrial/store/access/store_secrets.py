"""What one store keeps to itself for good: the secret of its pseudonyms, and what happens only once in its life."""

from __future__ import annotations

import secrets

from fairtrial.store.core.database import Database

READ = "SELECT value FROM settings WHERE name = ?"
WRITE = "INSERT INTO settings (name, value) VALUES (?, ?)"
PEPPER = "pepper"
SECRET_BYTES = 32


def pepper(database: Database) -> str:
    """The store's own secret, made when it is first asked for."""
    return secret(database, PEPPER)


def secret(database: Database, name: str) -> str:
    """The store's secret of that name in hex, made when it is first asked for."""
    rows = database.rows(READ, [name])
    if rows:
        return str(rows[0][0])
    with database.writing() as cursor:
        found = cursor.execute(READ, [name]).fetchone()
        if found is not None:
            return str(found[0])
        made = secrets.token_hex(SECRET_BYTES)
        cursor.execute(WRITE, [name, made])
    return made


def first_time(database: Database, name: str) -> bool:
    """Whether this is asked for the first time in the life of the store."""
    with database.writing() as cursor:
        if cursor.execute(READ, [name]).fetchone() is not None:
            return False
        cursor.execute(WRITE, [name, "done"])
    return True
