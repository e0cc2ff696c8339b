"""Erased units stay erased, and checking that costs what has changed since, not what the store holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.experiments.unit import pseudonym
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.erasure.tombstones import find_restored, outstanding
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance.backup import make_backup
from fairtrial.store.restore import restore_backup
from gateway.control.maintain_store import StoreMaintenance
from tests.fixtures.store import samples
from tests.fixtures.store.empty_store import open_empty


class Store:
    """An open store with a clock that the test moves."""

    def __init__(self, layout: Layout) -> None:
        self.now_us = samples.NOW
        self.layout = layout
        self.open(open_empty)

    def open(self, opened: Callable[[Layout], Database] = Database.open) -> None:
        self.database = opened(self.layout)
        self.pepper = named_values.pepper(self.database)
        self.maintenance = StoreMaintenance(
            self.database, Ingester(self.database, lambda: self.now_us), lambda: self.now_us, actor="test"
        )

    def write(self, number: int, body: object = None, **more: Any) -> None:
        writer = JournalWriter(self.layout.journal, writer="w")
        writer.append(samples.request(number, request_body=json.dumps(body or {}), **more))
        writer.close()

    def unit(self, name: str) -> str:
        return pseudonym(self.pepper, name)

    def looks_for(self) -> list[int]:
        """From when on the erased units are looked for, days before now."""
        return [(self.now_us - search.since_us) // DAY_US for search in outstanding(self.database)]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = Store(Layout(tmp_path / "fairtrial.duckdb").make())
    yield store
    store.database.close()


def test_after_an_erasure_only_its_last_day_is_looked_through_and_soon_nothing(store: Store) -> None:
    store.write(1, unit=store.unit("alice"))
    store.now_us += 100 * DAY_US
    assert store.maintenance.erase("alice", "user").counts["requests"] == 1
    assert store.looks_for() == [1]
    assert store.maintenance.erase_again() == 0
    assert store.looks_for() == [1], "a request that is under way may still bring its row"
    store.now_us += 2 * DAY_US
    assert store.maintenance.erase_again() == 0
    assert store.looks_for() == []
    store.write(2, unit=store.unit("bob"))
    store.now_us += DAY_US
    assert store.maintenance.erase("bob", "user").counts["requests"] == 1
    assert len(outstanding(store.database)) == 1


def test_a_request_that_ended_after_the_erasure_is_erased_the_next_day(store: Store) -> None:
    store.now_us += 5
    store.write(1, unit=store.unit("alice"))
    assert store.maintenance.erase("alice", "user").found
    store.write(2, {"user": "alice"}, unit=store.unit("alice"))
    store.write(9, {"user": "alice"}, unit=store.unit("alice"))
    store.now_us += 2 * DAY_US
    assert store.maintenance.erase_again() == 1
    assert store.database.rows("SELECT count(*) FROM payloads") == [(0,)]


@pytest.mark.release("stories")
def test_a_restored_backup_is_looked_through_once_and_for_everybody(store: Store, tmp_path: Path) -> None:
    names = [("alice", "user", {"unit": "alice"}), ("Zoë", "user", {}), ("c-7", "conversation", {})]
    store.write(1, unit=store.unit("alice"))
    store.write(2, {"metadata": {"user_id": " Zoë"}})
    store.write(3, {"conversation": {"id": "c-7"}})
    store.write(4, {"user": "bob"})
    store.now_us += 10 * DAY_US
    store.maintenance.backup(tmp_path / "backup")
    for name, kind, _ in names:
        assert store.maintenance.erase(name, kind).found  # type: ignore[arg-type]
    assert store.maintenance.erase("r-4", "request").found
    store.now_us += 10 * DAY_US
    assert store.maintenance.erase_again() == 0
    assert store.looks_for() == []
    store.database.close()
    restore_backup(tmp_path / "backup", store.layout, now_us=store.now_us, force=True)
    store.open()
    first = store.now_us // DAY_US
    assert store.looks_for() == [first] * 5
    returned = find_restored(store.database, partial(pseudonym, store.pepper))
    assert sorted(returned) == [
        ("conversation", "c-7"),
        ("request", "r-4"),
        ("unit", store.unit("alice")),
        ("user", " Zoë"),
    ]
    assert store.maintenance.erase_again() == 4
    assert find_restored(store.database, partial(pseudonym, store.pepper)) == []
    store.now_us += 3 * DAY_US
    assert store.maintenance.erase_again() == 0
    assert store.looks_for() == []


def test_an_erasure_that_could_not_look_into_a_segment_is_repeated_until_it_was_read(store: Store) -> None:
    store.write(1, unit=store.unit("alice"))
    future = store.layout.journal / "018f-future.jsonl"
    # by hand: no gateway writes such a line
    future.write_bytes(b'{"kind":"journal","v":99,"writer":"w","pid":1,"at_us":1}\n')
    store.now_us += 100 * DAY_US
    assert store.maintenance.erase("alice", "user").unreadable
    store.now_us += 3 * DAY_US
    assert store.maintenance.erase_again() == 0
    assert store.looks_for() == [store.now_us // DAY_US]
    future.unlink()
    store.write(2, unit=store.unit("alice"))
    assert store.maintenance.erase_again() == 1


def test_a_backup_knows_only_what_was_known_when_it_was_made(store: Store, tmp_path: Path) -> None:
    store.write(1, unit=store.unit("alice"))
    store.now_us += DAY_US
    store.maintenance.erase("alice", "user")
    make_backup(store.database, tmp_path / "backup", now_us=store.now_us, actor="test")
    store.now_us += 3 * DAY_US
    store.maintenance.erase_again()
    assert store.looks_for() == []
    store.database.close()
    restore_backup(tmp_path / "backup", store.layout, now_us=store.now_us, force=True)
    store.open()
    assert len(store.looks_for()) == 1
