"""The alarm about a deployment's last day is reworded at 90, 30 and 7 days, and closes when the date is corrected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms
from gateway.control.experiments.record_alarms import settle_retirement_alarms
from tests.fixtures.services.projects import project
from tests.fixtures.store.empty_store import database, layout

__all__ = ["database", "layout"]


def test_an_alarm_follows_the_date(database: Database, tmp_path: Path) -> None:
    ends = project(tmp_path, ("parent: base}", 'parent: base, shutdown_date: "2027-01-14"}')).plan
    never = project(tmp_path).plan

    def standing(day: str, plan: object = ends) -> list[tuple[str, str, str]]:
        now_us = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1e6)
        settle_retirement_alarms(database, plan, now_us=now_us)  # type: ignore[arg-type]
        rows = database.dicts(alarms.listing(Page(), standing=True))
        return [(row["kind"], row["experiment"], row["text"].split(";")[0]) for row in rows]

    source = "(shutdown_date)"
    assert standing("2026-10-01") == []
    for day, within in (("2026-10-20", 90), ("2026-11-20", 90), ("2026-12-20", 30), ("2027-01-10", 7)):
        text = f"tuned: its last day is 2027-01-14, within {within} days {source}"
        assert standing(day) == [("deployment.ends", "tuned", text)]
    assert standing("2027-01-15") == [("deployment.ended", "tuned", f"tuned: its last day was 2027-01-14 {source}")]
    assert standing("2027-01-15", never) == []
    entries = [action for (action,) in database.rows("SELECT action FROM events WHERE action LIKE 'alarm.%'")]
    assert sorted(entries) == ["alarm.close", "alarm.close", "alarm.open", "alarm.open", "alarm.text", "alarm.text"]


def test_advice_follows_what_was_decided_or_waits_for_a_person(database: Database) -> None:
    kinds = ("experiment.worse", "stage.approval", "units.no_unit", "deployment.ends")
    with database.transaction() as cursor:
        for number, kind in enumerate(kinds):
            alarms.open_alarm(cursor, kind, "tuned-vs-base", text=kind, now_us=number, actor="control")
    shown = [row["kind"] for row in database.dicts(alarms.listing(Page()))]
    assert shown == ["stage.approval", "experiment.worse", "deployment.ends", "units.no_unit"]
