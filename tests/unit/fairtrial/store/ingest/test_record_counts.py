"""Control finds each record that was lost, by arm, and nothing else looks like a loss."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.journal.counts import ASSIGNED_SUFFIX, CELLS, read_assigned
from fairtrial.journal.segment import names
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest import record_counts
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.store import samples
from tests.fixtures.store.erasing import erase_unit
from tests.fixtures.store.samples import NOW, exposed

LOST = """
SELECT variant, count(DISTINCT cell), sum(n)::INTEGER
FROM (SELECT variant, unnest(cells) AS cell, unnest(requests) AS n FROM lost_records) GROUP BY variant ORDER BY variant
"""
UNITS = 40


@pytest.fixture
def writer(database: Database) -> Iterator[JournalWriter]:
    made = worker(database)
    yield made
    made.close()


def worker(database: Database, name: str = "w0") -> JournalWriter:
    return JournalWriter(database.layout.journal, writer=name, counts_assigned=True)


def visit(writer: JournalWriter, first: int = 0, units: int = UNITS, **more: object) -> None:
    """One request of each unit; each lies in a cell of its own."""
    for number in range(first, first + units):
        arm = "tuned" if number % 2 else "base"
        bucket = (0.5 if number % 2 else 0.0) + number / CELLS
        writer.append(exposed(number, assigned=arm, arm_bucket=bucket, unit=f"u-{number}", **more))


def lose(folder: Path, *numbers: int) -> None:
    """Blank these requests' lines in the segments, as if they had never been written."""
    for path in names(folder):
        lines = path.read_bytes().splitlines(keepends=True)
        gone = [any(f'"r-{number}"'.encode() in line for number in numbers) for line in lines]
        blanked = (b" " * (len(line) - 1) + b"\n" if out else line for line, out in zip(lines, gone, strict=True))
        path.write_bytes(b"".join(blanked))


def lost(database: Database) -> list[tuple[object, ...]]:
    return list(database.rows(LOST))


def restarted(database: Database) -> Ingester:
    return Ingester(database, lambda: NOW)


def test_nothing_is_lost_by_several_workers_restarts_and_ends(database: Database, ingester: Ingester) -> None:
    first, second = worker(database, "w0"), worker(database, "w1")
    visit(first)
    visit(second, UNITS)
    first.look()
    ingester.catch_up()
    visit(first, 2 * UNITS)
    for source in (first, second):
        source.look()
    restarted(database).catch_up()
    assert lost(database) == []
    first.close()
    again = worker(database, "w0")
    visit(again)
    again.close()
    second.close()
    restarted(database).catch_up()
    assert lost(database) == [] and read_assigned(database.layout.journal) == []
    assert restarted(database).catch_up().rows == 0 and lost(database) == []


def test_lines_that_are_lost_in_one_arm_are_found(
    database: Database, ingester: Ingester, writer: JournalWriter
) -> None:
    visit(writer)
    visit(writer)
    lose(database.layout.journal, 1, 3, 5, 2)
    ingester.catch_up()
    assert lost(database) == [], "the counts follow"
    writer.look()
    ingester.catch_up()
    assert lost(database) == [("base", 1, 2), ("tuned", 3, 6)]
    writer.close()
    restarted(database).catch_up()
    assert lost(database) == [("base", 1, 2), ("tuned", 3, 6)], "it outlives the worker and its file"
    assert list(database.layout.journal.glob(f"*{ASSIGNED_SUFFIX}")) == []


def test_a_loss_of_whole_segments_is_found(database: Database, ingester: Ingester, writer: JournalWriter) -> None:
    visit(writer)
    for path in names(database.layout.journal):
        path.unlink()
    writer.look()
    ingester.catch_up()
    assert lost(database) == [("base", UNITS // 2, UNITS // 2), ("tuned", UNITS // 2, UNITS // 2)]


def test_lines_that_the_store_rejects_are_found(database: Database, ingester: Ingester, writer: JournalWriter) -> None:
    visit(writer)
    visit(writer, UNITS, 2, at_us=-1)
    writer.look()
    assert ingester.catch_up().rejects == 2
    assert lost(database) == [("base", 1, 1), ("tuned", 1, 1)]


def test_a_killed_worker_loses_nothing_and_its_torn_line_is_no_loss(database: Database, ingester: Ingester) -> None:
    child = os.fork()
    if child == 0:
        killed = worker(database)
        visit(killed)
        killed.look()
        visit(killed, UNITS)  # before the file follows
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert sum(map(sum, read_assigned(database.layout.journal)[0].arms.values())) == UNITS
    (path,) = names(database.layout.journal)
    # by hand: no gateway writes such a line
    path.write_bytes(path.read_bytes() + b'{"kind":"request","v":2,"request_id":"torn')
    assert ingester.catch_up().rejects == 1
    assert database.rows("SELECT count(*) FROM requests") == [(2 * UNITS,)]
    assert lost(database) == [] and read_assigned(database.layout.journal) == []


def test_segments_that_are_read_again_after_a_kill_of_control_are_no_loss(
    database: Database, ingester: Ingester, writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit(writer)
    writer.look()

    def killed(*_: object) -> None:
        raise OSError("killed")

    monkeypatch.setattr("fairtrial.store.ingest.ingest.insert_lines", killed)
    with pytest.raises(OSError, match="killed"):
        ingester.catch_up()
    monkeypatch.undo()
    restarted(database).catch_up()
    assert lost(database) == []
    assert database.rows("SELECT count(*) FROM requests") == [(UNITS,)]


def test_nothing_is_compared_while_a_segment_cannot_be_read(
    database: Database, ingester: Ingester, writer: JournalWriter
) -> None:
    visit(writer)
    writer.look()
    (path,) = names(database.layout.journal)
    later = path.with_name("f" + path.name[1:])
    # by hand: no gateway writes such a line
    later.write_bytes(b'{"kind":"journal","v":99,"writer":"w","pid":1,"at_us":1}\n')
    hidden = path.rename(path.with_name("hidden"))
    assert ingester.catch_up().unreadable
    assert lost(database) == []
    later.unlink()
    hidden.rename(path)
    restarted(database).catch_up()
    assert lost(database) == []


def test_workers_of_an_earlier_version_are_not_compared(
    database: Database, ingester: Ingester, writer: JournalWriter
) -> None:
    older = JournalWriter(database.layout.journal, writer="w1")
    visit(older)
    older.close()
    ingester.catch_up()
    assert lost(database) == [] and database.rows("SELECT count(*) FROM stored_records") == [(0,)]
    visit(writer)
    writer.look()
    with database.transaction() as cursor:  # an earlier control read these segments without counting
        cursor.execute("UPDATE schema_migrations SET at_time = at_time + INTERVAL 1 DAY WHERE number = 18")
        # by hand: what a control without counts has stored
        cursor.execute("INSERT INTO offsets SELECT ?, ?, false, now()", [names(database.layout.journal)[0].name, 10**6])
    restarted(database).catch_up()
    assert lost(database) == []


def test_an_erased_user_is_no_loss(database: Database, ingester: Ingester, writer: JournalWriter) -> None:
    visit(writer)
    ingester.catch_up()
    assert erase_unit(database, "nina", "u-3")
    writer.look()
    restarted(database).catch_up()
    assert database.rows("SELECT count(*) FROM requests WHERE exposed_unit = 'u-3'") == [(0,)]
    assert lost(database) == []


def test_rows_are_joined_without_changing_what_is_stored(
    database: Database, ingester: Ingester, writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_counts, "MOST_ROWS", 3)
    for first in range(0, 3 * UNITS, UNITS):
        visit(writer, first)
        writer.look()
        ingester.catch_up()
    assert database.rows("SELECT count(*), sum(list_sum(requests))::INTEGER FROM stored_records") == [(2, 3 * UNITS)]
    restarted(database).catch_up()
    assert lost(database) == []


def test_other_events_are_not_counted(database: Database, ingester: Ingester, writer: JournalWriter) -> None:
    writer.append(samples.feedback(1), samples.record(2), exposed(3, enrolled=False))
    writer.look()
    ingester.catch_up()
    assert database.rows("SELECT count(*) FROM stored_records") == [(0,)]
