"""Maintains each unit's arm and first time in a summary table, so that no page reads all requests.

The table `placements` covers the requests before a row number, the watermark; later ones are read directly. Together
they equal all requests with an exposure, because rows are only added and readers need distinct values and first times.
An erasure empties the table, which is then computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import REASONS
from fairtrial.store.derived import watermarks

NAME = "placements"
SLICE = 2_000_000
"""Requests that one transaction summarises."""
SMALLEST = 20_000
"""Fewer new requests are not summarised, because reading them directly is as fast."""

END = "SELECT coalesce(max(rowid) + 1, 0) FROM requests"
_COLUMNS = f"""experiment, analysis_hash, variant_assigned AS assigned, exposed_unit AS unit, arm_bucket,
    reason IN {REASONS} AS analysed"""
FOLD = f"""
INSERT INTO placements
WITH latest AS (
    SELECT {_COLUMNS}, min(at_time) AS at_time
    FROM requests
    WHERE rowid >= $1 AND rowid < $2 AND enrolled
    GROUP BY ALL
)
SELECT n.* FROM latest n ANTI JOIN placements p
ON p.experiment = n.experiment AND p.analysis_hash = n.analysis_hash AND p.assigned = n.assigned AND p.unit = n.unit
    AND p.analysed = n.analysed AND p.arm_bucket IS NOT DISTINCT FROM n.arm_bucket
    AND p.at_time <= n.at_time
"""  # noqa: S608 - ours
PLACED = f"""placed AS (
    SELECT * FROM placements WHERE experiment = $experiment OR $experiment IS NULL
    UNION ALL
    SELECT {_COLUMNS}, at_time FROM requests
    WHERE rowid >= $watermark AND enrolled AND (experiment = $experiment OR $experiment IS NULL)
)"""  # noqa: S608 - ours
"""A table expression over all enrolled requests. Binds ``$experiment`` (``None`` means all) and ``$watermark``."""


def update_summary(database: Database) -> int:
    """Summarise new requests; returns their number. Raises `duckdb.Error`."""
    folded = 0
    while True:
        with database.transaction() as cursor:
            start, end = watermarks.read(cursor, NAME), int(cursor.value(END))
            if end - start < SMALLEST:
                return folded
            until = min(end, start + SLICE)
            cursor.execute(FOLD, [start, until])
            watermarks.write(cursor, NAME, until)
        folded += until - start


@contextmanager
def read_placements(database: Database) -> Iterator[tuple[Cursor, int]]:
    """A cursor on one snapshot of the store, and the watermark in it; raises `StoreError`."""
    with database.read_transaction() as cursor:
        yield cursor, watermarks.read(cursor, NAME)
