"""What one store keeps to itself for good: the secret of its pseudonyms, and what happens only once in its life."""

from __future__ import annotations

import secrets

from fairtrial.store.database import Database

READ = "SELECT value FROM settings WHERE name = ?"
WRITE = "INSERT INTO settings (name, value) VALUES (?, ?)"
PEPPER = "pepper"
PEPPER_BYTES = 32


def pepper(database: Database) -> str:
    """The store's own secret, made when it is first asked for."""
    with database.writing() as cursor:
        found = cursor.execute(READ, [PEPPER]).fetchone()
        if found is not None:
            return str(found[0])
        made = secrets.token_hex(PEPPER_BYTES)
        cursor.execute(WRITE, [PEPPER, made])
    return made


def first_time(database: Database, name: str) -> bool:
    """Whether this is asked for the first time in the life of the store."""
    with database.writing() as cursor:
        if cursor.execute(READ, [name]).fetchone() is not None:
            return False
        cursor.execute(WRITE, [name, "done"])
    return True
