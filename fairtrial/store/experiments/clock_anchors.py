"""Stores the anchor of the clocks, so that a restart of control does not trust the wall clock anew."""

from fairtrial.experiments.steady_time import Anchor
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Cursor, Database

NAMES = ("clock.wall", "clock.boot", "clock.boot_id", "clock.gained", "clock.corrected")
"""The names of an anchor's fields, in their order."""
NEWEST_RECORD = """
SELECT rowid, epoch_us(at_time) FROM requests WHERE rowid = (SELECT max(rowid) FROM requests)
"""


def read(database: Database) -> Anchor | None:
    """The stored anchor; raises `StoreError`."""
    with database.read_transaction() as cursor:
        anchor = Anchor(*named_values.read_positions(cursor, NAMES))
    return anchor if anchor.wall_us else None


def write(cursor: Cursor, anchor: Anchor) -> None:
    """Store the anchor, in the caller's transaction."""
    fields = (anchor.wall_us, anchor.boot_us, anchor.boot_id, anchor.gained_us, anchor.corrected_us)
    for name, value in zip(NAMES, fields, strict=True):
        named_values.write_position(cursor, name, value)


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
