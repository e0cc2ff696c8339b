"""Work that requests don't concern reads nothing from the store because some came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.domain.limits.alarm_settings import AlarmSettings
from fairtrial.domain.limits.spending import Limit
from fairtrial.domain.plan import Shadow
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import shadows
from gateway.control.alarms.delivery import AlarmDelivery
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.background.shadow_work import ShadowWork
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import samples


class Reads:
    """The reads of a store, counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number, reader = 0, Database._reader

        @contextmanager
        def counted(database: Database) -> Iterator[Any]:
            self.number += 1
            with reader(database) as cursor:
                yield cursor

        monkeypatch.setattr(Database, "_reader", counted)

    def of(self, step: Callable[[], None]) -> int:
        before = self.number
        step()
        return self.number - before


class Store:
    """A store with requests, and what control does beside the experiments."""

    def __init__(self, folder: Path) -> None:
        path = write_project(folder)
        layout = Layout(folder / "fairtrial.duckdb").make()
        self.database = Database.open(layout)
        self.publisher = PlanPublisher(self.database, path, lambda: load_project(path, {}), clock_us=self.clock)
        self.publisher.refresh()
        self.settings = AlarmSettings()
        self.journal, self.count = JournalWriter(layout.journal, writer="w0"), 0

    def clock(self) -> int:
        return samples.NOW

    def request(self) -> None:
        self.count += 1
        self.journal.append(samples.record(self.count))
        assert Ingester(self.database, self.clock).catch_up().rows

    def plan(self) -> Any:
        assert self.publisher.published is not None
        return self.publisher.published.plan


@pytest.fixture(name="store")
def store_fixture(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    with closing(store.database):
        yield store
        store.journal.close()


def test_requests_alone_wake_no_delivery_of_alarms(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = Reads(monkeypatch)
    delivery = AlarmDelivery(store.database, lambda: (store.settings, store.plan()), store.clock)
    assert reads.of(delivery.step) > 0
    for _ in range(2):
        store.request()
        assert reads.of(delivery.step) == 0
    with store.database.transaction() as cursor:
        alarms.open_alarm(cursor, "experiment.worse", "one", text="Look.", now_us=samples.NOW, actor="control")
    delivery.step()
    assert store.database.value("SELECT count(*) FROM alarm_changes") == 0  # the change was routed, to nobody
    assert reads.of(delivery.step) == 0
    store.settings = AlarmSettings(dashboard_url="http://d.example")
    assert reads.of(delivery.step) > 0
    delivery.stop()


def test_requests_alone_wake_no_measurement_of_shadows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = Reads(monkeypatch)
    work = ShadowWork(store.database, store.publisher, store.clock)
    assert reads.of(work.step) > 0
    store.request()
    assert reads.of(work.step) == 0
    deployments = store.plan().deployments
    shadow = Shadow("s1", "support-bot", "base", "tuned", 100.0, Limit(requests_per_day=1))
    digests = (deployments["base"].digest, deployments["tuned"].digest)
    shadows.record(store.database, replace(shadow, digests=digests), "start", actor="test", now_us=samples.NOW)
    assert reads.of(work.step) > 1
    assert reads.of(work.step) > 1
