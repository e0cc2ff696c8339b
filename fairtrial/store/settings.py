"""What one store keeps to itself for good: so far the secret that pseudonyms of units are made with."""

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
