"""Old texts are dropped by the slice, and a table that refuses keeps no other from it."""

from __future__ import annotations

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance import retention
from fairtrial.store.maintenance.retention import drop_old_texts
from gateway.control.maintain_store import StoreMaintenance
from tests.fixtures.store import marked_events, samples
from tests.fixtures.store.marked_events import mark

HOUR_US = 3_600_000_000
DAYS_LATER = samples.NOW + 40 * 24 * HOUR_US


@pytest.fixture
def filled(database: Database, ingester: Ingester) -> Database:
    """Forty requests with texts, one each hour."""
    writer = JournalWriter(database.layout.journal, writer="w")
    for number in range(40):
        when = {"at_us": samples.NOW + number * HOUR_US}
        writer.append(
            samples.request(number, request_body="{}", **when),
            samples.attempt(number, error_message="no", **when),
            samples.feedback(number, comment="so so", **when),
        )
    writer.close()
    ingester.catch_up()
    return database


def left(database: Database) -> list[int]:
    counts = "SELECT count(*) FROM payloads UNION ALL SELECT count(error_message) FROM attempts"
    return [count for (count,) in database.rows(f"{counts} UNION ALL SELECT count(comment) FROM feedback")]


def test_slices_drop_what_is_old_and_nothing_else(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 7)
    before_us = samples.NOW + 30 * HOUR_US + HOUR_US // 2
    expected = {"payloads": 31, "attempts": 31, "feedback": 31}
    assert drop_old_texts(filled, before_us=before_us, dry_run=True) == (expected, [])
    assert left(filled) == [40, 40, 40]
    assert drop_old_texts(filled, before_us=before_us) == (expected, [])
    assert left(filled) == [9, 9, 9]
    assert drop_old_texts(filled, before_us=before_us) == ({}, [])


LINKS = ("prompt_digest", "trace_id", "span_id", "provider_request_id")


def test_what_leads_to_an_old_text_goes_with_it_and_the_rest_of_the_row_stays(
    database: Database, ingester: Ingester
) -> None:
    old, new = 1, 40 * HOUR_US
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(*(marked_events.request(number, unit="u", exposed="c", kind="conversation") for number in (old, new)))
    writer.close()
    ingester.catch_up()
    rest = f"SELECT * EXCLUDE ({', '.join(LINKS)}) FROM requests ORDER BY at_time"
    before = database.rows(rest)
    assert drop_old_texts(database, before_us=samples.NOW + HOUR_US)[0] == {"payloads": 1, "requests": 1, "attempts": 2}
    assert database.rows(f"SELECT {', '.join(LINKS)} FROM requests ORDER BY at_time") == [
        (None, None, None, None),
        tuple(mark(new, field) for field in ("digest", "trace", "span", "last_provider")),
    ]
    calls = database.rows("SELECT error_message, provider_request_id FROM attempts ORDER BY at_time")
    assert calls[:2] == [(None, None)] * 2
    assert (mark(new, "error_message"), mark(new, "first_provider")) in calls
    assert database.rows(rest) == before
    assert drop_old_texts(database, before_us=samples.NOW + HOUR_US) == ({}, [])


def test_each_slice_is_a_transaction_of_its_own(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the ingester waits for one slice, not for a month of texts."""
    monkeypatch.setattr(retention, "SLICE", 10)
    monkeypatch.setattr(retention, "RULES", {"payloads": retention.RULES["payloads"]})
    real, writing = filled.transaction, 0

    def counted() -> object:
        nonlocal writing
        writing += 1
        return real()

    monkeypatch.setattr(filled, "transaction", counted)
    drop_old_texts(filled, before_us=DAYS_LATER)
    assert (writing, left(filled)[0]) == (4, 0)


def test_a_table_that_refuses_keeps_no_other_and_no_file_from_being_dropped(
    filled: Database, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = retention.RetentionRule("at_time < $before AND error('out of memory')::BOOLEAN")
    monkeypatch.setattr(retention, "RULES", {**retention.RULES, "payloads": refused})
    ingester = Ingester(filled, lambda: DAYS_LATER)
    later_us = DAYS_LATER * 2  # files are as old as this test
    maintenance = StoreMaintenance(filled, ingester, lambda: later_us, actor="test")
    with pytest.raises(StoreError, match="payloads: old texts could not be dropped"):
        maintenance.retain(30)
    assert left(filled) == [40, 0, 0]
    assert list((layout.journal / "done").iterdir()) == []
    ((details,),) = filled.rows("SELECT details FROM events WHERE action = 'store.retain'")
    assert '"journal segments": 1' in details


def test_a_store_without_old_texts_is_left_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Cursor:
        raise AssertionError("nothing is to be written")

    monkeypatch.setattr(database, "transaction", refused)
    assert drop_old_texts(database, before_us=DAYS_LATER) == ({}, [])
