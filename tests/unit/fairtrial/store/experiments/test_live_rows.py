"""Transitions and plans are rows in their order, which backups, restores and erasures keep unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.plan.live_state import Live
from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import BadRequest, NotFound
from fairtrial.experiments.lifecycle import next_state
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import published_plans, transitions
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.restore import restore_backup
from fairtrial.store.traffic import traffic
from gateway.control.maintain_store import StoreMaintenance
from tests.fixtures.store import samples

NOW = 1_800_000_000_000_000
TABLES = ("transitions", "published_plans")


def change(database: Database, name: str, *actions: Action, evidence: dict[str, Any] | None = None) -> None:
    for number, action in enumerate(actions):
        with database.transaction() as cursor:
            live = transitions.state_of(cursor, name)
            state, segment = next_state(name, live.state, live.segment, action)
            made = Transition(
                name, NOW + number, action, live.state, state, segment, "key ci", f"{action} it", "hash", evidence
            )
            transitions.append(cursor, made)


def everything(database: Database) -> list[list[tuple[Any, ...]]]:
    return [database.rows(f"SELECT * FROM {table} ORDER BY number") for table in TABLES]


def fill(database: Database) -> None:
    change(database, "a", "pause", "resume", "kill", "rearm", "kill", evidence={"e_value": 41.0})
    change(database, "b", "end")
    for number in range(3):
        plan = {"plan_hash": f"{number}abc{number:028d}", "experiments": {}}
        published_plans.record(database, plan, now_us=NOW + number, actor=None if number else "account rosa")


def test_the_live_state_is_that_of_the_newest_row_of_each_experiment(database: Database) -> None:
    fill(database)
    assert transitions.live(database) == {"a": Live(state="killed", segment=2), "b": Live(state="ended")}
    last = transitions.last(database)["a"]
    assert (last.action, last.at_us, last.segment, last.evidence) == ("kill", NOW + 4, 2, {"e_value": 41.0})
    rows = database.dicts(transitions.listing(Page(limit=2, offset=1), "a"))
    assert [(row["action"], row["number"]) for row in rows] == [("rearm", 4), ("kill", 3)]


def test_a_transition_whose_entry_in_the_audit_trail_fails_is_not_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit, "append", fail)
    with pytest.raises(OSError, match="No space"):
        change(database, "a", "kill")
    assert transitions.live(database) == {}


def test_a_plan_is_found_by_the_beginning_of_its_hash_if_that_is_one(database: Database) -> None:
    fill(database)
    published_plans.record(database, {"plan_hash": "1abc" + "f" * 28}, now_us=NOW, actor=None)
    assert published_plans.find(database, "2abc0")["plan_hash"].startswith("2abc0")
    assert published_plans.newest(database) == {"plan_hash": "1abc" + "f" * 28}
    for wrong in ("2ab", "1abc", "%abc", "2ABC0", "2" * 33):
        with pytest.raises(BadRequest):
            published_plans.find(database, wrong)
    with pytest.raises(NotFound):
        published_plans.find(database, "ffff")


def test_backup_restore_and_erasure_keep_the_rows(database: Database, ingester: Ingester, tmp_path: Path) -> None:
    fill(database)
    before = everything(database)
    care = StoreMaintenance(database, ingester, lambda: NOW, actor="test")
    care.backup(tmp_path / "backup")
    care.erase("alice", "user")
    assert everything(database) == before
    layout = Layout(tmp_path / "other.duckdb")
    restore_backup(tmp_path / "backup", layout, now_us=NOW)
    restored = Database.open(layout)
    assert everything(restored) == before
    restored.close()


def test_rates_begin_with_the_last_re_arm(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    for number in range(6):
        at_us = NOW + (number - 2) * 1_000_000
        exposure = samples.exposure(number, at_us=at_us, assigned="base", served="base")
        writer.append(samples.request(number, at_us=at_us), exposure)
    writer.close()
    ingester.catch_up()
    assert _requests(database, Page()) == 6
    change(database, "tuned-vs-base", "kill", "rearm")
    assert _requests(database, Page()) == 3
    assert _requests(database, Page(since_us=NOW + 2_000_000)) == 2
    assert traffic.segment_page(database, Page(), "tuned-vs-base").since_us == NOW + 1
    assert traffic.segment_page(database, Page(), "other") == Page()


def _requests(database: Database, page: Page) -> int:
    ((experiment,), (same,)) = (
        traffic.by_variant_in_segments(database, page),
        traffic.by_variant_in_segments(database, page, experiment="tuned-vs-base"),
    )
    assert experiment == same
    return sum(variant.requests for variant in experiment.variants)
