"""Stores numbers by name, mostly the row number up to which a computation has processed a table."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.store.core.database import Cursor

READ = "SELECT name, max(position) FROM watermarks WHERE list_contains($1::VARCHAR[], name) GROUP BY name"


def read(cursor: Cursor, name: str) -> int:
    """The first row that is not processed yet; 0 if none is processed."""
    return read_all(cursor, (name,))[0]


def read_all(cursor: Cursor, names: Sequence[str]) -> list[int]:
    """The numbers with these names, in their order; 0 for those that are not stored."""
    positions = dict(cursor.execute(READ, [list(names)]).fetchall())
    return [int(positions.get(name) or 0) for name in names]


def write(cursor: Cursor, name: str, position: int) -> None:
    """Store the watermark, within the transaction that stores the computed rows."""
    if read(cursor, name) != position:
        cursor.execute("DELETE FROM watermarks WHERE name = ?", [name])
        cursor.execute("INSERT INTO watermarks VALUES (?, ?)", [name, position])


def lower(cursor: Cursor, name: str, row: int) -> None:
    """Process the rows from this one on again, because they have changed."""
    write(cursor, name, min(row, read(cursor, name)))
