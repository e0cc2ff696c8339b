"""How many rows of a table a computation has taken in: its next turn begins at that row number."""

from __future__ import annotations

from fairtrial.store.core.database import Cursor

READ = "SELECT max(position) FROM watermarks WHERE name = ?"


def read(cursor: Cursor, name: str) -> int:
    """The first row that is not taken in yet; 0 if none is."""
    row = cursor.execute(READ, [name]).fetchone()
    return int(row[0] or 0) if row else 0


def write(cursor: Cursor, name: str, position: int) -> None:
    """Within the transaction of what was computed."""
    if read(cursor, name) != position:
        cursor.execute("DELETE FROM watermarks WHERE name = ?", [name])
        cursor.execute("INSERT INTO watermarks VALUES (?, ?)", [name, position])
