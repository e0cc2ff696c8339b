"""Stores numbers by name, mostly the row number up to which a computation has processed a table."""

from __future__ import annotations

from fairtrial.store.core.database import Cursor

READ = "SELECT max(position) FROM watermarks WHERE name = ?"


def read(cursor: Cursor, name: str) -> int:
    """The first row that is not processed yet; 0 if none is processed."""
    row = cursor.execute(READ, [name]).fetchone()
    return int(row[0] or 0) if row else 0


def write(cursor: Cursor, name: str, position: int) -> None:
    """Store the watermark, within the transaction that stores the computed rows."""
    if read(cursor, name) != position:
        cursor.execute("DELETE FROM watermarks WHERE name = ?", [name])
        cursor.execute("INSERT INTO watermarks VALUES (?, ?)", [name, position])


def lower(cursor: Cursor, name: str, row: int) -> None:
    """Process the rows from this one on again, because they have changed."""
    write(cursor, name, min(row, read(cursor, name)))
