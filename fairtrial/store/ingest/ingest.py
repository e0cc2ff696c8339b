"""Ingests journal lines exactly once, by committing rows and the segment's offset in one transaction."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import duckdb

from fairtrial.domain.errors import JournalError, UsageError
from fairtrial.domain.limits.constants import MINUTE_US
from fairtrial.domain.store_reports import IngestResult
from fairtrial.journal.counts import read_assigned
from fairtrial.journal.reader import Chunk
from fairtrial.journal.segment import DONE, files, is_compressed, names, read_header, segment_name
from fairtrial.safe_files import has_writer
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Cursor, Database, chunk_folder
from fairtrial.store.derived import next_requests
from fairtrial.store.derived.derived_columns import DerivedColumns
from fairtrial.store.ingest.batch import Batch, Reject, insert_lines, lines_of, sweep
from fairtrial.store.ingest.record_counts import RecordCounts
from fairtrial.store.ingest.request_columns import insert_requests
from fairtrial.store.ingest.segment_archive import read_chunk, read_first_line, sweep as sweep_archive

POSITIONS = "SELECT segment, max(position), bool_or(sealed) FROM offsets GROUP BY segment"
RECORD_OFFSETS = """
INSERT INTO offsets (segment, position, sealed, at_time) SELECT unnest(?), unnest(?), ?, make_timestamp(?)
"""
RECORD_REJECT = "INSERT INTO rejects (segment, position, at_time, why, bytes) VALUES (?, ?, make_timestamp(?), ?, ?)"

LONGEST_WAIT = 1.0
"""Seconds that a step of the monitor waits for a pass."""
REFUSALS = (duckdb.DataError, duckdb.InvalidInputException, ValueError, OverflowError)
"""Errors that a value of a line causes; the last two are those of Arrow."""


class Ingester:
    """Ingests the segments of one store's journal.

    ``clock_us`` returns microseconds since 1970, UTC, and ``monotonic`` seconds of a clock that nobody sets.
    """

    def __init__(
        self, database: Database, clock_us: Callable[[], int], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._clock_us = clock_us
        self._journal = database.layout.journal
        self._done = self._journal / DONE
        self._done.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._scratch = chunk_folder(database.layout)
        sweep(self._scratch)
        self._one_at_a_time = threading.Lock()
        self._derived = DerivedColumns(database, monotonic)
        ledger = database.rows(POSITIONS)
        self._positions = {str(segment): int(position) for segment, position, _ in ledger}
        self._sealed = {str(segment) for segment, _, sealed in ledger if sealed}
        self._sources: dict[str, str] = {}
        self._followed_us = 0
        self._counts = RecordCounts(database)
        self._newer: dict[str, str] = {}
        sweep_archive(self._journal)
        sweep_archive(self._done)
        self._bring_back()

    def catch_up(self, *, paced: bool = False) -> IngestResult:
        """Ingest everything in the journal at the time of the call; ``paced`` may defer derived columns."""
        total, begun_us = IngestResult(), self._clock_us()
        with self._one_at_a_time:
            ends: list[tuple[str, Chunk]] = []
            assigned = read_assigned(self._journal)
            for path in names(self._journal):
                total += self._readable(path, ends)
            total += self._take(*ends)
            if not total.unreadable:
                self._counts.compare(assigned, self._clock_us())
                self._follow_up(begun_us, paced=paced)
            total += IngestResult(failed=self._derived.fold_requests(paced=paced).failed)
            self._derived.compute(paced=paced)
        return total

    def add_sums(self) -> None:
        """Add what is stored to the sums of units; a pass that takes longer than a second does so at its end.

        Raises `duckdb.Error`.
        """
        if self._one_at_a_time.acquire(timeout=LONGEST_WAIT):
            try:
                self._derived.fold_requests(paced=False)
            finally:
                self._one_at_a_time.release()

    def has_work(self) -> bool:
        """Whether lines wait in the journal or derived columns are due; far cheaper than a pass."""
        return self._derived.is_due() or self.lag_bytes() > 0

    def lag_bytes(self) -> int:
        """Bytes of journal that are not in the store yet. A compressed segment counts fully until it is sealed."""
        return lag_of(names(self._journal), self._positions)

    def prune(self, before_us: int, *, dry_run: bool = False) -> int:
        """Delete archived segments whose last write is before that time; returns how many."""
        with self._database.sealed_segments:
            old = [path for path in files(self._done) if path.stat().st_mtime_ns // 1000 < before_us]
            for path in old if not dry_run else ():
                path.unlink()
        return len({segment_name(path) for path in old})

    @cached_property
    def _secret(self) -> str:
        return named_values.pepper(self._database)

    def _bring_back(self) -> None:
        """Move back archived segments that the ledger lists as unfinished, because an older store was restored."""
        for path in names(self._done):
            if segment_name(path) not in self._sealed:
                path.rename(self._journal / path.name)

    def _readable(self, path: Path, ends: list[tuple[str, Chunk]]) -> IngestResult:
        """Ingest one segment. A read error must not keep the other segments out."""
        name = segment_name(path)
        if name in self._newer:
            return IngestResult(unreadable=(self._newer[name],))
        try:
            return self._segment(path, name, ends)
        except UsageError as error:
            return IngestResult(unreadable=(str(error),))
        except (PermissionError, FileNotFoundError) as error:
            return IngestResult(unreadable=(f"{path.name}: can't be read ({error.strerror})",))
        except JournalError as error:
            self._newer[name] = str(error)
            return IngestResult(unreadable=(str(error),))

    def _segment(self, path: Path, name: str, ends: list[tuple[str, Chunk]]) -> IngestResult:
        """Ingest one segment. The end of a live one goes to ``ends``, because these share one transaction."""
        if name in self._sealed:
            self._put_away(path, name)
            return IngestResult()
        self._check_version(path, name)
        alive = has_writer(
            path
        )  # check before reading, because what a live writer adds meanwhile belongs to the next pass
        end = path.stat().st_size
        total = IngestResult()
        while (chunk := read_chunk(path, self._positions.get(name, 0))).lines:
            if alive and chunk.start >= end:
                return total
            if alive and chunk.end >= end:
                ends.append((name, chunk))
                return total
            total += self._take((name, chunk))
            if name in self._newer:
                return total
        return total if alive else total + self._seal(path, name, chunk)

    def _check_version(self, path: Path, name: str) -> None:
        """Raise `JournalError` for a segment that a newer version wrote or began to ingest."""
        if name not in self._sources:
            line = read_first_line(path)
            if line.endswith(b"\n"):
                self._sources[name] = read_header(line, name=name).source

    def _take(self, *parts: tuple[str, Chunk]) -> IngestResult:
        """Ingest chunks of several segments in one transaction.

        If the database refuses it, the chunks are halved until the offending line is alone. An event of a newer version
        ends its chunk; the rest stays in the segment for a newer program.
        """
        batch = Batch(self._derived, self._sources)
        taken: list[tuple[str, Chunk]] = []
        for segment, chunk in parts:
            newer = batch.add(segment, chunk)
            if newer is not None:
                self._newer[segment] = f"{segment}: {newer.why}"
                chunk = replace(chunk, lines=chunk.lines[: newer.position - chunk.start], end=newer.position)
            if chunk.lines:
                taken.append((segment, chunk))
        unreadable = IngestResult(
            unreadable=tuple(self._newer[segment] for segment, _ in parts if segment in self._newer)
        )
        if not taken:
            return unreadable
        try:
            self._insert(taken, batch)
        except REFUSALS as error:
            return self._take_halves(taken, error) + unreadable
        return IngestResult(batch.rows, len(batch.rejects)) + unreadable

    def _insert(self, taken: Sequence[tuple[str, Chunk]], batch: Batch) -> None:
        segments, ends = [segment for segment, _ in taken], [chunk.end for _, chunk in taken]
        secret = self._secret
        about = {event.experiment for event in batch.requests if event.experiment is not None}
        with self._database.changes.about(*about), self._database.transaction() as cursor:
            insert_requests(cursor, batch.requests, secret=secret)
            insert_lines(cursor, batch.lines(), self._scratch)
            for reject in batch.rejects:
                self._reject(cursor, reject)
            self._counts.insert(cursor, batch.arms)
            cursor.execute(RECORD_OFFSETS, [segments, ends, False, self._clock_us()])
        self._counts.add(batch.arms)
        self._positions.update(zip(segments, ends, strict=True))

    def _take_halves(self, taken: Sequence[tuple[str, Chunk]], error: Exception) -> IngestResult:
        if len(taken) > 1:
            return sum((self._take(part) for part in taken), IngestResult())
        ((segment, chunk),) = taken
        lines = lines_of(chunk.lines)
        if len(lines) == 1:
            why = f"the database rejects it: {type(error).__name__}"  # the message would quote the line
            refused = Batch(self._derived, {})
            refused.rejects.append(Reject(segment, chunk.start, why, len(chunk.lines)))
            self._insert(taken, refused)
            return IngestResult(rejects=1)
        first = b"".join(lines[: len(lines) // 2])
        middle = chunk.start + len(first)
        head = replace(chunk, lines=first, end=middle)
        rest = replace(chunk, lines=chunk.lines[len(first) :], start=middle)
        return self._take((segment, head)) + self._take((segment, rest))

    def _follow_up(self, now_us: int, *, paced: bool) -> None:
        """Find what units did after their requests, at most every minute if ``paced``. All until then is stored."""
        if not paced or now_us >= self._followed_us + MINUTE_US:
            next_requests.settle(self._database, now_us=now_us)
            self._followed_us = now_us

    def _seal(self, path: Path, name: str, chunk: Chunk) -> IngestResult:
        """Archive a segment whose writer is dead and whose complete lines are ingested; reject a torn last line."""
        with self._database.transaction() as cursor:
            if chunk.tail:
                self._reject(cursor, Reject(name, chunk.start, "torn: its writer died", len(chunk.tail)))
            cursor.execute(RECORD_OFFSETS, [[name], [chunk.start + len(chunk.tail)], True, self._clock_us()])
        self._sealed.add(name)
        self._put_away(path, name)
        return IngestResult(rejects=1 if chunk.tail else 0)

    def _put_away(self, path: Path, name: str) -> None:
        path.rename(self._done / path.name)
        self._positions.pop(name, None)
        self._sources.pop(name, None)

    def _reject(self, cursor: Cursor, reject: Reject) -> None:
        row = [reject.segment, reject.position, self._clock_us(), reject.why, reject.size]
        cursor.execute(RECORD_REJECT, row)


def lag_of(waiting: Sequence[Path], positions: Mapping[str, int]) -> int:
    """Bytes after the positions in these segments. A compressed one counts fully; only a restored backup needs one."""
    return sum(
        _size(path) if is_compressed(path) else max(0, _size(path) - positions.get(path.name, 0)) for path in waiting
    )


def _size(path: Path) -> int:
    """Size in bytes; 0 if the file was just moved."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
