"""The store's regular work ends before the store is closed."""

from __future__ import annotations

import threading
import time

from fairtrial.store.database import Database
from gateway.control.keeper import Addresses, Keeper
from gateway.control.plan_publisher import PlanPublisher
from tests.unit.control.conftest import NOW

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
