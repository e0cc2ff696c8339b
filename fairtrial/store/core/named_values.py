"""Stores single values by name: positions, secrets, marks of what happens only once, and the anchor of the clocks."""

import secrets
from collections.abc import Sequence

from fairtrial.experiments.steady_time import Anchor
from fairtrial.store.core.database import Cursor, Database

READ_POSITIONS = "SELECT name, max(position) FROM watermarks WHERE list_contains($1::VARCHAR[], name) GROUP BY name"
READ_SETTING = "SELECT value FROM settings WHERE name = ?"
PEPPER = "pepper"
SECRET_BYTES = 32


def read_position(cursor: Cursor, name: str) -> int:
    """The first row that is not processed yet; 0 if none is processed."""
    return read_positions(cursor, (name,))[0]


def read_positions(cursor: Cursor, names: Sequence[str]) -> list[int]:
    """The numbers with these names, in their order; 0 for those that are not stored."""
    positions = dict(cursor.execute(READ_POSITIONS, [list(names)]).fetchall())
    return [int(positions.get(name) or 0) for name in names]


def write_position(cursor: Cursor, name: str, position: int) -> None:
    """Store the watermark, within the transaction that stores the computed rows."""
    if read_position(cursor, name) != position:
        cursor.execute("DELETE FROM watermarks WHERE name = ?", [name])
        cursor.execute("INSERT INTO watermarks VALUES (?, ?)", [name, position])


def lower_position(cursor: Cursor, name: str, row: int) -> None:
    """Process the rows from this one on again, because they have changed."""
    write_position(cursor, name, min(row, read_position(cursor, name)))


def pepper(database: Database) -> str:
    """The secret from which this store's pseudonyms are made; created at the first use."""
    return secret(database, PEPPER)


def secret(database: Database, name: str) -> str:
    """The store's secret with this name, in hex; created at the first use."""
    if (stored := database.value(READ_SETTING, [name])) is not None:
        return str(stored)
    with database.transaction() as cursor:
        if (stored := cursor.value(READ_SETTING, [name])) is not None:
            return str(stored)
        made = secrets.token_hex(SECRET_BYTES)
        cursor.insert("settings", name=name, value=made)
    return made


def is_first_time(database: Database, name: str) -> bool:
    """Whether this is the first call with this name in the life of the store."""
    with database.transaction() as cursor:
        if cursor.value(READ_SETTING, [name]) is not None:
            return False
        cursor.insert("settings", name=name, value="done")
    return True


NAMES = ("clock.wall", "clock.boot", "clock.boot_id", "clock.gained", "clock.corrected")
"""The names of an anchor's fields, in their order."""
NEWEST_RECORD = """
SELECT rowid, epoch_us(at_time) FROM requests WHERE rowid = (SELECT max(rowid) FROM requests)
"""


def read(database: Database) -> Anchor | None:
    """The stored anchor; raises `StoreError`."""
    with database.read_transaction() as cursor:
        anchor = Anchor(*read_positions(cursor, NAMES))
    return anchor if anchor.wall_us else None


def write(cursor: Cursor, anchor: Anchor) -> None:
    """Store the anchor, in the caller's transaction."""
    fields = (anchor.wall_us, anchor.boot_us, anchor.boot_id, anchor.gained_us, anchor.corrected_us)
    for name, value in zip(NAMES, fields, strict=True):
        write_position(cursor, name, value)


def late_us(database: Database, since_us: int) -> int:
    """As `Anchor.late_us`, by the stored anchor; raises `StoreError`."""
    stored = read(database)
    return 0 if stored is None else stored.late_us(since_us)


def newest_record(database: Database) -> tuple[int, int] | None:
    """The number and the time of the request that was ingested last; raises `StoreError`.

    It is not the latest time, which may come from a clock that was wrong for a moment.
    """
    rows = database.rows(NEWEST_RECORD)
    return (int(rows[0][0]), int(rows[0][1])) if rows else None
