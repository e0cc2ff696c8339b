"""The store's regular work ends before the store is closed."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.store_reports import IngestResult
from fairtrial.journal.segment import files
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine import MEMORY
from fairtrial.store.experiments.analysis_plans import frozen_plans
from fairtrial.store.ingest.segment_archive import compress_sealed
from gateway.control.background import background_work as keeper_module
from gateway.control.background.background_work import (
    MAX_INTERVAL_SECONDS,
    MIN_INTERVAL_SECONDS,
    PASS_SECONDS,
    RETRY_US,
    Addresses,
    BackgroundWork,
    ingest_interval,
)
from gateway.control.background.plan_publisher import PlanPublisher
from tests.fixtures.control.control_app import NOW
from tests.fixtures.store import samples

JOB_SECONDS = 0.3


def test_stop_waits_for_the_job_that_a_thread_begins_meanwhile(database: Database, publisher: PlanPublisher) -> None:
    """The clock holds the ingest thread until background work stops, and the daily job for a while after that."""
    waiting, may_go_on = threading.Event(), threading.Event()

    def clock_us() -> int:
        name = threading.current_thread().name
        if name == "ingest":
            waiting.set()
            may_go_on.wait(60)
        elif name == "maintenance":
            time.sleep(JOB_SECONDS)
        return NOW

    background = BackgroundWork(database, publisher, Addresses(), clock_us=clock_us)
    background.start()
    assert waiting.wait(60)
    stopping = threading.Thread(target=background.stop)
    stopping.start()
    time.sleep(0.1)
    may_go_on.set()
    stopping.join(60)
    assert not stopping.is_alive()
    assert [thread.name for thread in threading.enumerate() if thread.name == "maintenance"] == []


def test_a_duty_of_the_day_that_fails_stops_no_other_and_retention_is_first(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    background = BackgroundWork(database, publisher, Addresses(), clock_us=lambda: NOW)
    done: list[str] = []
    ended = threading.Event()

    def out_of_memory(*_: object, **__: object) -> None:
        done.append("retain")
        raise duckdb.OutOfMemoryException("could not allocate")

    def erase_again(_: object) -> None:
        done.append("erase again")
        ended.set()

    monkeypatch.setattr(background.maintenance, "retain", out_of_memory)
    monkeypatch.setattr(background.maintenance, "resume", lambda _: done.append("resume"))
    monkeypatch.setattr(background.maintenance, "erase_again", erase_again)
    background.start()
    assert ended.wait(60)
    background.jobs.join()
    assert done == ["retain", "resume", "erase again"]
    assert background.health_error == f"old texts could not be deleted (OutOfMemoryException: {MEMORY})"
    background.stop()


def test_only_a_duty_that_failed_is_tried_again_before_the_next_day(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_us = NOW
    background = BackgroundWork(database, publisher, Addresses(), clock_us=lambda: now_us)
    publisher.refresh(keys_changed=True)
    done: list[str] = []
    failing = True

    def erase_again(_: object) -> None:
        done.append("erase again")
        if failing:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(background.maintenance, "retain", lambda *_, **__: done.append("retain"))
    monkeypatch.setattr(background.maintenance, "resume", lambda _: done.append("resume"))
    monkeypatch.setattr(background.maintenance, "erase_again", erase_again)

    def turn(after_us: int) -> list[str]:
        nonlocal now_us
        now_us += after_us
        done.clear()
        background._start_daily_maintenance()
        background.jobs.join()
        return list(done)

    assert turn(0) == ["retain", "resume", "erase again"]
    assert turn(RETRY_US - 1) == []
    failing = False
    assert turn(1) == ["erase again"]
    assert background.health_error is None
    assert turn(DAY_US - RETRY_US) == ["retain", "resume"]


def test_segments_that_are_in_the_store_are_compressed_while_control_runs(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    writer.append(samples.request(1))
    writer.close()
    compressed = threading.Event()

    def compress(*arguments: Any) -> int:
        done = compress_sealed(*arguments)
        if done:
            compressed.set()
        return done

    monkeypatch.setattr(keeper_module, "ARCHIVE_SECONDS", 0.01)
    monkeypatch.setattr(keeper_module, "compress_sealed", compress)
    now_us = time.time_ns() // 1000  # of the file's own clock: retention must not take it for old
    background = BackgroundWork(database, publisher, Addresses(), clock_us=lambda: now_us)
    background.start()
    assert compressed.wait(60)
    background.stop()
    assert background.health_error is None
    assert [path.suffix for path in files(database.layout.journal / "done")] == [".zst"]


def test_a_short_pass_waits_for_more_lines_and_a_long_one_starts_sooner() -> None:
    assert ingest_interval(0) == MAX_INTERVAL_SECONDS
    assert ingest_interval(0.02) > 0.9 * MAX_INTERVAL_SECONDS
    assert ingest_interval(5.0) == MIN_INTERVAL_SECONDS
    rests = [ingest_interval(hundredths / 100) for hundredths in range(100)]
    assert rests == sorted(rests, reverse=True)


def test_a_journal_without_new_lines_is_gone_through_only_now_and_then(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("gateway.control.background.background_work.time", SimpleNamespace(monotonic=lambda: now[0]))
    background = BackgroundWork(database, publisher, Addresses(), clock_us=lambda: NOW)
    passes: list[float] = []

    def ingest(**_: bool) -> IngestResult:
        passes.append(now[0])
        return IngestResult()

    monkeypatch.setattr(background, "ingest_now", ingest)
    writer = JournalWriter(database.layout.journal, writer="w")
    background.ingester.catch_up()
    for step in range(8):
        if step == 5:
            writer.append(samples.request(1))
        background._ingest_pending()
        now[0] += PASS_SECONDS / 4
    writer.close()
    assert passes == [1000.0, 1000.0 + PASS_SECONDS, *(1000.0 + PASS_SECONDS * step / 4 for step in (5, 6, 7))]


def test_control_freezes_the_plan_of_an_experiment_as_soon_as_it_has_started(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units that come before would never decide. The regular step is put off, so that only the start can cause one."""
    monkeypatch.setattr(keeper_module, "STEP_SECONDS", 3600.0)
    background = BackgroundWork(database, publisher, Addresses(), clock_us=lambda: NOW)
    background.start()
    try:
        for _ in range(500):
            if frozen_plans(database):
                break
            time.sleep(0.02)
        assert list(frozen_plans(database)) == ["tuned-vs-base"]
    finally:
        background.stop()
