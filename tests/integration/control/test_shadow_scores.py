"""Pairs that arrive are measured on both sides, decided by unit, and a limit that is reached has an alarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.layout import Layout, spending_file
from fairtrial.config.project import load_project
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.limits.spending import Limit, Spent
from fairtrial.domain.plan import Shadow
from fairtrial.journal.spending import SpendingFile
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import shadows
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.background.shadow_work import ShadowWork
from gateway.control.shadows import known_shadow, known_shadows, status_of
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import samples

NAMED = Shadow("s1", "support-bot", "base", "tuned", 100.0, Limit(requests_per_day=1))
ALARMS = "SELECT state FROM alarms WHERE kind = 'shadow.limit'"


def answer(text: str) -> str:
    return json.dumps({"choices": [{"message": {"content": text}}]})


class Store:
    """A store with a shadow that a person started, and what control does with its pairs."""

    def __init__(self, folder: Path, scorers: str) -> None:
        self.now = samples.NOW + 5_000
        path = write_project(folder)
        path.write_text(path.read_text().replace("fallback: base}", f"fallback: base, scorers: [{scorers}]}}"))
        self.layout = Layout(folder / "fairtrial.duckdb").make()
        self.database = Database.open(self.layout)
        self.publisher = PlanPublisher(self.database, path, lambda: load_project(path, {}), clock_us=lambda: self.now)
        plan = load_project(path, {}).plan
        digests = (plan.deployments["base"].digest, plan.deployments["tuned"].digest)
        shadows.record(self.database, replace(NAMED, digests=digests), "start", actor="test", now_us=samples.NOW)
        self.publisher.refresh()
        self.work = ShadowWork(self.database, self.publisher, lambda: self.now)
        self.journal = JournalWriter(self.layout.journal, writer="w0")

    def pair(self, number: int, base: str | None, tuned: str | None, **copy: Any) -> None:
        """A request and its copy; ``None``: no answer."""
        asked = json.dumps({"messages": [{"role": "user", "content": "Where is my parcel, please?"}]})
        failed = {"arm_outcome": "failed", "user_outcome": "failed", "outcome": "error", "status": 502}
        more = failed if base is None else {"response_body": answer(base)}
        attempts = [samples.attempt_of(number, latency_ms=200.0, cost_usd="0.001")]
        self.journal.append(
            samples.record(number, unit=f"u-{number}", request_body=asked, attempts=attempts, capture="full", **more)
        )
        called = {"latency_ms": 100.0, "cost_usd": "0.001"} if tuned is not None else {"outcome": "failed"}
        body = None if tuned is None else answer(tuned)
        self.journal.append(samples.shadow(number, attempt=called, response_body=body, **copy))

    def step(self) -> Any:
        Ingester(self.database, lambda: self.now).catch_up()
        self.work.step()
        (known,) = known_shadows(self.database, self.publisher.published.plan)  # type: ignore[union-attr]
        return status_of(self.database, known, now_us=self.now)


@pytest.fixture(name="store")
def store_fixture(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, "contains: {any: [parcel]}")
    with closing(store.database):
        yield store
        store.journal.close()


def test_both_answers_are_measured_and_the_difference_is_decided_by_unit(store: Store) -> None:
    for number in range(1, 81):
        base = "Your parcel is on its way." if number % 2 else "Please wait."
        store.pair(number, base, None if number == 80 else "Your parcel left the depot today.")
    status = store.step()
    metrics = {metric.name: metric for metric in status.metrics}
    assert (status.pairs, status.units, status.failed, status.dropped) == (80, 80, 1, 0)
    own = metrics["contains"]
    assert (own.answer, own.pairs, own.baseline, own.candidate) == ("better", 80, 0.5, 79 / 80)
    assert (metrics["failed"].answer, metrics["failed"].candidate) == ("cannot tell", 1 / 80)
    assert metrics["latency"].baseline == 200.0 and metrics["latency"].candidate == 100.0
    assert metrics["format"].pairs == 80 and "schema" not in metrics
    assert any(
        line.startswith("  tuned beside base, after 80 pairs of 80 users: contains is better") for line in status.lines
    )
    assert store.step().metrics == status.metrics
    plan = store.publisher.published.plan  # type: ignore[union-attr]
    known = known_shadow(store.database, plan, "tuned", "base")
    assert known is not None and known.metrics == status.metrics and known.newest_us == samples.NOW + 80
    assert known_shadow(store.database, plan, "base", "tuned") is None
    tuned = replace(plan.deployments["tuned"], digest="another model")
    changed = replace(plan, deployments={**plan.deployments, "tuned": tuned})
    assert known_shadow(store.database, changed, "tuned", "base") is None


def test_a_limit_that_is_reached_opens_an_alarm_until_the_day_ends(store: Store) -> None:
    file = SpendingFile(spending_file(store.layout.folder, "s1"))
    today = store.now // DAY_US
    assert file.reserve(NAMED.limit, Spent(today, 1)) and not file.reserve(NAMED.limit, Spent(today, 1))
    status = store.step()
    assert status.spending.reached and "paused by its limit" in status.lines[0]
    assert store.database.rows(ALARMS) == [("open",)]
    store.now += DAY_US
    assert not store.step().spending.reached
    assert store.database.rows(ALARMS) == [("closed",)]


def test_a_language_is_measured_only_where_the_route_names_it(tmp_path: Path) -> None:
    english = "Your parcel is on its way and will arrive tomorrow."
    german = "Ihr Paket ist unterwegs und kommt morgen bei Ihnen an."
    for folder, scorers, expected in (("with", "language", (1.0, 0.0)), ("without", "", None)):
        (tmp_path / folder).mkdir()
        store = Store(tmp_path / folder, scorers)
        with closing(store.database), closing(store.journal):
            for number in range(1, 4):
                store.pair(number, english, german)
            metrics = {metric.name: metric for metric in store.step().metrics}
        shown = metrics.get("language")
        assert expected == (None if shown is None else (shown.baseline, shown.candidate))
