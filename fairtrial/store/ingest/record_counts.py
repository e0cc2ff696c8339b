"""Compares the requests that workers assigned with those stored, by arm and cell, and records the missing ones."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.limits.constants import microseconds
from fairtrial.journal.counts import CELLS, ArmKey, Assigned
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

LOAD = "SELECT source, experiment, analysis_hash, variant, cells, requests FROM stored_records"
LOST = "SELECT source, experiment, analysis_hash, variant, cells, requests FROM lost_records"
INSERT = "INSERT INTO stored_records VALUES "
ROW = "(?, ?, ?, ?, ?, ?)"
FORGET = "DELETE FROM stored_records WHERE source = ?"
CLEAR = "DELETE FROM stored_records"
CHANGE = "DELETE FROM lost_records WHERE source = ?"
LOSE = "INSERT INTO lost_records VALUES (?, ?, ?, ?, ?, ?, ?)"
BEGAN = """
SELECT max(at_time) FILTER (number = 18)
FROM schema_migrations
HAVING min(at_time) < max(at_time) FILTER (number = 18) - INTERVAL 1 MINUTE
"""
"""When a store of an earlier version got its counts; no row for a new store.

What the earlier version ingested is not counted, so workers that started before can't be compared.
"""
ENDED: ArmKey = ("", "", "")
"""Instead of an arm: the source has ended and was compared, so that its file counts no more."""
MOST_ROWS = 20_000
"""More rows are joined to one for each source and arm."""

SourceArm = tuple[str, str, str, str]
"""The file of a worker's counts, and the arm."""


class RecordCounts:
    """The stored records of one store, by source, arm and cell. Only one thread at a time may use it.

    What is stored of a batch is counted in the batch's transaction. A pass reads the workers' counts first, then the
    journal. Each counted request is in the journal by then, so that one that is not stored is lost. A worker's counts
    are compared a last time after it has ended and its segments are ingested; then its file is deleted.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored: dict[SourceArm, NDArray[np.int64]] = {}
        self._lost: dict[str, dict[ArmKey, dict[int, int]]] = {}
        rows = database.rows(LOAD)
        self._rows = len(rows)
        self._began_ms = max((microseconds(began) // 1000 for (began,) in database.rows(BEGAN)), default=0)
        for source, *arm, cells, requests in rows:
            np.add.at(self._of((source, *arm)), cells, requests)
        for source, *arm, cells, requests in database.rows(LOST):
            self._lost.setdefault(source, {})[arm[0], arm[1], arm[2]] = dict(zip(cells, requests, strict=True))

    def insert(self, cursor: Cursor, arms: Mapping[SourceArm, Sequence[int]]) -> None:
        """Store what a batch adds, in its transaction. ``arms``: the cell of each request."""
        counted = [(arm, Counter(cells)) for arm, cells in arms.items()]
        _insert(cursor, [[*arm, list(counts.keys()), list(counts.values())] for arm, counts in counted])

    def add(self, arms: Mapping[SourceArm, Sequence[int]]) -> None:
        """Count the requests of a committed batch."""
        self._rows += len(arms)
        for arm, cells in arms.items():
            np.add.at(self._of(arm), cells, 1)

    def compare(self, sources: Sequence[Assigned], now_us: int) -> None:
        """Record the missing requests. ``sources`` was read before the pass, which could read all segments."""
        for assigned in sources:
            if assigned.began_ms >= self._began_ms and (assigned.source, *ENDED) not in self._stored:
                self._compare(assigned, now_us)
            if not assigned.alive:
                assigned.path.unlink(missing_ok=True)
        if self._rows > MOST_ROWS:
            self._compact({assigned.source for assigned in sources})

    def _compare(self, assigned: Assigned, now_us: int) -> None:
        lost = {arm: cells for arm in assigned.arms if (cells := self._missing(assigned, arm))}
        if assigned.alive and lost == self._lost.get(assigned.source, {}):
            return
        with self._database.transaction() as cursor:
            cursor.execute(CHANGE, [assigned.source])
            for arm, cells in lost.items():
                where = (timestamp(now_us), assigned.source, *arm)
                cursor.execute(LOSE, [*where, list(cells.keys()), list(cells.values())])
            if not assigned.alive:
                cursor.execute(FORGET, [assigned.source])
                _insert(cursor, [[assigned.source, *ENDED, [], []]])
        self._lost[assigned.source] = lost
        if not assigned.alive:
            self._stored = {arm: counts for arm, counts in self._stored.items() if arm[0] != assigned.source}
            self._of((assigned.source, *ENDED))

    def _missing(self, assigned: Assigned, arm: ArmKey) -> dict[int, int]:
        """The requests that are lost, by cell. More can be stored than counted, because the counts follow."""
        stored = self._stored.get((assigned.source, *arm))
        missing = np.asarray(assigned.arms[arm], dtype=np.int64) - (0 if stored is None else stored)
        return {int(cell): int(missing[cell]) for cell in np.flatnonzero(missing > 0)}

    def _compact(self, files: set[str]) -> None:
        """Join the rows, and forget ended sources whose file is deleted."""
        stored = {arm: counts for arm, counts in self._stored.items() if arm[1:] != ENDED or arm[0] in files}
        cells = {arm: np.flatnonzero(counts) for arm, counts in stored.items()}
        with self._database.transaction() as cursor:
            cursor.execute(CLEAR)
            rows = [[*arm, cells[arm].tolist(), counts[cells[arm]].tolist()] for arm, counts in stored.items()]
            _insert(cursor, rows)
        self._stored, self._rows = stored, len(stored)

    def _of(self, arm: SourceArm) -> NDArray[np.int64]:
        cells = self._stored.get(arm)
        if cells is None:
            cells = self._stored[arm] = np.zeros(0 if arm[1:] == ENDED else CELLS, dtype=np.int64)
        return cells


def _insert(cursor: Cursor, rows: Sequence[Sequence[object]]) -> None:
    """Insert all rows with one statement, because each costs more than its rows."""
    if rows:
        cursor.execute(INSERT + ", ".join([ROW] * len(rows)), [value for row in rows for value in row])
