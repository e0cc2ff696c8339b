"""The ends of all live segments share a transaction, and nothing is computed that can't have changed."""

from __future__ import annotations

import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.journal.segment import names
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.derived import derived_columns
from fairtrial.store.derived.derived_columns import FOLD_SECONDS
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.store import samples

DAY_US = 24 * 3600 * 1_000_000
COUNT = "SELECT count(*), count(DISTINCT request_id) FROM requests"


@pytest.fixture
def writers(database: Database) -> list[JournalWriter]:
    return [JournalWriter(database.layout.journal, writer=name) for name in ("w0", "w1", "w2")]


@pytest.fixture
def transactions(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each transaction that was begun."""
    begun: list[str] = []
    writing = database.transaction

    def counted() -> object:
        begun.append("transaction")
        return writing()

    monkeypatch.setattr(database, "transaction", counted)
    return begun


def test_live_segments_share_a_transaction(
    database: Database, ingester: Ingester, writers: list[JournalWriter], transactions: list[str]
) -> None:
    ingester.catch_up()
    transactions.clear()
    for number, writer in enumerate(writers):
        writer.append(samples.exposed(number))
    assert ingester.catch_up(paced=True).rows == len(writers)
    assert len(transactions) == 1, "the sums of their units have just been added"
    assert database.rows("SELECT count(DISTINCT segment) FROM offsets") == [(len(writers),)]
    assert ingester.catch_up().rows == 0
    for writer in writers:
        writer.close()


def test_a_line_that_the_database_can_not_take_costs_no_other_segment_a_line(
    database: Database, ingester: Ingester, writers: list[JournalWriter]
) -> None:
    for number, writer in enumerate(writers):
        late = 2**63 - 1 if number == 1 else number
        writer.append(samples.request(10 * number), samples.request(10 * number + 1, at_us=late))
    done = ingester.catch_up()
    assert (done.rows, done.rejects) == (5, 1)
    assert database.rows(COUNT) == [(5, 5)]
    assert ingester.catch_up().rows == 0
    for writer in writers:
        writer.close()


def test_an_event_of_a_newer_version_holds_up_its_own_segment_alone(
    database: Database, ingester: Ingester, writers: list[JournalWriter]
) -> None:
    for number, writer in enumerate(writers):
        writer.append(samples.request(number))
    with names(database.layout.journal)[1].open("ab") as file:
        # by hand: no gateway writes such a line
        file.write(b'{"kind":"request","v":3}\n')
    done = ingester.catch_up()
    assert done.rows == len(writers)
    assert "request: version 3 is newer than this program" in done.unreadable[0]
    for number, writer in enumerate(writers):
        writer.append(samples.request(10 + number))
        writer.close()
    assert ingester.catch_up().rows == len(writers) - 1
    assert database.rows(COUNT) == [(5, 5)]


def test_a_pass_that_fails_leaves_all_lines_for_the_next(
    database: Database, ingester: Ingester, writers: list[JournalWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, writer in enumerate(writers):
        writer.append(samples.request(number))
    with monkeypatch.context() as patched:
        patched.setattr("fairtrial.store.ingest.ingest.RECORD_OFFSETS", "SELECT error('power cut'), ?, ?, ?, ?")
        with pytest.raises(Exception, match="power cut"):
            ingester.catch_up()
    assert ingester.catch_up().rows == len(writers)
    assert database.rows(COUNT) == [(3, 3)]
    for writer in writers:
        writer.close()


def test_a_clock_that_is_set_back_delays_nothing(database: Database, writers: list[JournalWriter]) -> None:
    now_us, seconds = samples.NOW, 100.0
    ingester = Ingester(database, lambda: now_us, monotonic=lambda: seconds)
    writers[0].append(samples.exposed(1))
    ingester.catch_up(paced=True)
    now_us, seconds = samples.NOW - DAY_US, 200.0
    writers[1].append(samples.feedback(3, request_id=None, unit="u-1"))
    ingester.catch_up(paced=True)
    assert database.rows("SELECT attribution FROM feedback") == [("unit",)]
    for writer in writers:
        writer.close()


def test_sums_of_units_wait_for_the_monitor_or_for_a_failure(database: Database, writers: list[JournalWriter]) -> None:
    """A killed owner loses no sums: they are added by a watermark over the stored requests."""
    seconds = 100.0
    ingester = Ingester(database, lambda: samples.NOW, monotonic=lambda: seconds)

    def summed(*events: RequestEvent, after: float = 0.0) -> int:
        """The requests behind the sums, after more requests and a pass."""
        nonlocal seconds
        seconds += after
        writers[0].append(*events)
        ingester.catch_up(paced=True)
        return int(database.rows("SELECT max(position) FROM watermarks WHERE name = 'unit_sums'")[0][0])

    first, *others = (samples.exposed(number) for number in range(5))
    assert (summed(first), summed(others[0]), summed(others[1], after=FOLD_SECONDS - 0.1)) == (1, 1, 1)
    assert summed(others[2], after=0.1) == 4
    assert not ingester.has_work()
    assert (summed(others[3]), summed(samples.exposed(5, user_outcome="failed"))) == (4, 6)
    assert summed(samples.record(6, user_outcome="failed"), after=FOLD_SECONDS) == 6, "it is of no experiment"
    assert not ingester.has_work()
    assert summed(samples.exposed(7), after=-FOLD_SECONDS) == 6
    ingester.add_sums()
    assert summed() == 8
    writers[0].append(samples.exposed(8))
    Ingester(database, lambda: samples.NOW, monotonic=lambda: seconds).catch_up(paced=True)
    assert database.rows("SELECT position FROM watermarks WHERE name = 'unit_sums'") == [(9,)]
    for writer in writers:
        writer.close()


def test_work_is_what_waits_in_the_journal(ingester: Ingester, writers: list[JournalWriter]) -> None:
    ingester.catch_up()
    assert not ingester.has_work()
    writers[0].append(samples.request(1))
    assert ingester.has_work()
    ingester.catch_up()
    assert not ingester.has_work()
    for writer in writers:
        writer.close()


def test_requests_of_today_make_nothing_due(database: Database, writers: list[JournalWriter]) -> None:
    ingester = Ingester(database, lambda: samples.NOW, monotonic=lambda: 100.0)
    writers[1].append(samples.feedback(3, request_id=None, unit="u-1"))
    ingester.catch_up()
    writers[0].append(samples.exposed(5))
    ingester.catch_up(paced=True)
    assert not ingester.has_work()
    writers[0].append(samples.exposed(1))
    ingester.catch_up(paced=True)
    assert not ingester.has_work(), "the clock stands still, so the pass is not due yet"
    assert Ingester(database, lambda: samples.NOW).has_work()
    ingester.catch_up()
    assert database.rows("SELECT attribution FROM feedback") == [("unit",)]
    for writer in writers:
        writer.close()


def test_feedback_is_looked_at_only_where_a_request_can_change_what_it_is_about(
    ingester: Ingester, writers: list[JournalWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    since: list[int] = []
    real = derived_columns.attribute

    def noted(database: Database, *, since_us: int) -> int:
        since.append(since_us - samples.NOW)
        return real(database, since_us=since_us)

    monkeypatch.setattr(derived_columns, "attribute", noted)
    ingester.catch_up()
    assert len(since) == 1, "at the start, whatever an earlier program left"
    del since[:]
    for event in (samples.request(5), samples.feedback(6), samples.request(7), samples.request(3)):
        writers[0].append(event)
        ingester.catch_up()
    assert since == [6, 3], "the feedback itself, and a request that began before it; none for the others"
    for writer in writers:
        writer.close()
