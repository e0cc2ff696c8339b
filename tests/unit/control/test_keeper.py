"""The store's regular work ends before the store is closed."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from fairtrial.journal.writer import JournalWriter
from fairtrial.store.database import Database
from gateway.control.keeper import PASS_SECONDS, REST_SECONDS, TURN_SECONDS, Addresses, Keeper, rest_seconds
from gateway.control.plan_publisher import PlanPublisher
from tests.unit.control.conftest import NOW
from tests.unit.store import samples

JOB_SECONDS = 0.3


def test_stop_waits_for_the_job_that_a_thread_begins_meanwhile(database: Database, publisher: PlanPublisher) -> None:
    """The clock holds the ingest thread until the keeper stops, and the daily job for a while after that."""
    waiting, may_go_on = threading.Event(), threading.Event()

    def clock_us() -> int:
        name = threading.current_thread().name
        if name == "ingest":
            waiting.set()
            may_go_on.wait(60)
        elif name == "care":
            time.sleep(JOB_SECONDS)
        return NOW

    keeper = Keeper(database, publisher, Addresses(), clock_us=clock_us)
    keeper.start()
    assert waiting.wait(60)
    stopping = threading.Thread(target=keeper.stop)
    stopping.start()
    time.sleep(0.1)
    may_go_on.set()
    stopping.join(60)
    assert not stopping.is_alive()
    assert [thread.name for thread in threading.enumerate() if thread.name == "care"] == []


def test_few_events_wait_for_others_and_many_are_brought_at_once() -> None:
    assert rest_seconds(0, 2.0) == REST_SECONDS
    assert rest_seconds(3, 0.5) > 0.9 * REST_SECONDS
    assert rest_seconds(1_000_000, 5.0) == TURN_SECONDS
    rests = [rest_seconds(events, 1.0) for events in range(0, 20_000, 100)]
    assert rests == sorted(rests, reverse=True)


def test_a_journal_without_new_lines_is_gone_through_only_now_and_then(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("gateway.control.keeper.time", SimpleNamespace(monotonic=lambda: now[0]))
    keeper = Keeper(database, publisher, Addresses(), clock_us=lambda: NOW)
    passes: list[float] = []
    monkeypatch.setattr(keeper, "ingest_now", lambda **_: passes.append(now[0]))
    writer = JournalWriter(database.layout.journal, writer="w")
    keeper.ingester.catch_up()
    for step in range(8):
        if step == 5:
            writer.append(samples.request(1))
        keeper._bring_in()
        now[0] += PASS_SECONDS / 4
    writer.close()
    assert passes == [1000.0, 1000.0 + PASS_SECONDS, *(1000.0 + PASS_SECONDS * step / 4 for step in (5, 6, 7))]
