"""A kill file becomes one transition and a plan before it is removed, also if control dies in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.plan.live_state import UNREADABLE, KillFile, standing_kills, write_kill
from fairtrial.config.plan.published import read
from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import Conflict, Unavailable
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms, transitions
from fairtrial_cli.emergency_kill import unrecorded_kills
from gateway.control.background import plan_publisher as publisher_module
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import HOLD_US, Change
from gateway.control.experiments.states import read_state, record_kill_files
from tests.fixtures.control.control_app import NOW

NAME = "tuned-vs-base"
AT = NOW - 60_000_000
LATER = NOW + HOLD_US


@pytest.fixture(name="publisher")
def publisher_fixture(publisher: PlanPublisher) -> PlanPublisher:
    publisher.refresh()
    return publisher


def kill(database: Database, name: str = NAME, *, at_us: int = AT, ident: str = "0a") -> Path:
    written = KillFile(name, at_us, "local user rosa", "answers in French")
    return write_kill(database.layout, written, ident)[0]


def change(database: Database, publisher: PlanPublisher, action: Action, *, now_us: int = NOW) -> Transition:
    return change_experiment(database, publisher, Change(NAME, action, "account ana", "a test"), now_us=now_us)


def record(database: Database, publisher: PlanPublisher) -> list[Transition | None]:
    return record_kill_files(database, publisher, now_us=NOW)


def state(database: Database) -> str:
    return read(database.layout.plan).plan.experiments[NAME].state


def rows(database: Database) -> list[dict[str, Any]]:
    return database.dicts(transitions.listing(Page(), NAME))


def notes(database: Database) -> list[dict[str, Any]]:
    return [row for row in database.dicts(audit.listing(Page())) if row["action"] == "experiment.kill_file"]


def test_a_kill_file_becomes_a_transition_with_its_actor_time_and_reason(
    database: Database, publisher: PlanPublisher
) -> None:
    path = kill(database)
    (made,) = record(database, publisher)
    assert made is not None
    assert (made.at_us, made.actor, made.why) == (AT, "local user rosa", "answers in French")
    assert (state(database), path.exists()) == ("killed", False)
    assert [(row["action"], row["from_state"]) for row in rows(database)] == [("kill", "running")]
    assert [row["kind"] for row in database.dicts(alarms.listing(Page()))] == ["experiment.killed"]
    assert audit.first_broken_entry(database) is None
    assert record(database, publisher) == notes(database) == []


def test_control_that_dies_before_it_removes_the_file_records_the_kill_once(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kill(database)

    def dies(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    for broken in ((publisher_module, "publish"), (Path, "unlink")):
        monkeypatch.setattr(*broken, dies)
        with pytest.raises(OSError, match="Input/output"):
            record(database, publisher)
        monkeypatch.undo()
        assert path.exists()
    assert record(database, publisher) == [None]
    assert (len(rows(database)), notes(database), path.exists()) == (1, [], False)


def test_a_file_stays_while_the_published_plan_lacks_its_kill(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kill(database)
    monkeypatch.setattr(publisher, "refresh", lambda **_: False)
    with pytest.raises(Unavailable, match="so the file stays"):
        record(database, publisher)
    assert path.exists()


@pytest.mark.parametrize(("before", "action"), [("kill", "killed"), ("end", "ended")])
def test_what_does_not_run_any_more_gets_a_note_in_the_audit_trail(
    database: Database, publisher: PlanPublisher, before: Action, action: str
) -> None:
    change(database, publisher, before)
    path = kill(database)
    assert record(database, publisher) == [None]
    (note,) = notes(database)
    assert (note["actor"], note["subject"]) == ("local user rosa", NAME)
    assert f'"state": "{action}"' in note["details"]
    assert (len(rows(database)), path.exists()) == (1, False)


def test_an_unknown_experiment_gets_a_note_and_does_not_hold_up_another_one(
    database: Database, publisher: PlanPublisher
) -> None:
    kill(database, "another")
    kill(database)
    unknown, made = record(database, publisher)
    assert (unknown, made is not None, standing_kills(database.layout.folder)) == (None, True, [])
    assert [(row["subject"], '"state": "unknown"' in row["details"]) for row in notes(database)] == [("another", True)]
    (line,) = unrecorded_kills(database.layout)
    assert "another" in line and "stops nothing" in line


def test_an_unreadable_file_stops_its_experiment_and_says_so(database: Database, publisher: PlanPublisher) -> None:
    path = kill(database)
    path.write_bytes(b'{"experi')
    (made,) = record(database, publisher)
    assert made is not None and made.why == UNREADABLE
    assert (state(database), path.exists()) == ("killed", False)


def test_a_time_in_the_future_or_before_the_start_of_the_state_is_corrected(
    database: Database, publisher: PlanPublisher
) -> None:
    kill(database, at_us=NOW + 9)
    (late,) = record(database, publisher)
    change(database, publisher, "rearm", now_us=LATER)
    kill(database, at_us=NOW - 9, ident="0b")
    (early,) = record(database, publisher)
    assert late is not None and early is not None
    assert (late.at_us, early.at_us) == (NOW, LATER)


@pytest.mark.parametrize("recorded_before", [False, True])
@pytest.mark.parametrize("action", ["rearm", "resume", "approve", "promote"])
def test_a_change_that_waited_for_control_does_not_undo_a_kill_file(
    database: Database, publisher: PlanPublisher, action: Action, *, recorded_before: bool
) -> None:
    """Whichever thread of control is first after it has hung."""
    if action == "rearm":
        change(database, publisher, "kill")
    kill(database)
    if recorded_before:
        record(database, publisher)
    with pytest.raises(Conflict):
        change(database, publisher, action)
    assert (state(database), standing_kills(database.layout.folder)) == ("killed", [])
    change(database, publisher, "rearm", now_us=LATER)
    assert state(database) == "running"


def test_a_kill_by_a_person_takes_over_the_file_that_stands(database: Database, publisher: PlanPublisher) -> None:
    kill(database)
    assert change(database, publisher, "kill").actor == "local user rosa"
    assert len(rows(database)) == 1


def test_a_pause_becomes_a_kill(database: Database, publisher: PlanPublisher) -> None:
    change(database, publisher, "pause")
    kill(database)
    (made,) = record(database, publisher)
    assert made is not None and (made.from_state, made.to_state, state(database)) == ("paused", "killed", "killed")


def test_the_state_says_that_a_kill_waits_to_be_recorded(database: Database, publisher: PlanPublisher) -> None:
    plan = read(database.layout.plan).plan
    kill(database)
    sentence = read_state(database, plan, NAME).sentence
    assert sentence.startswith("STOPPED at ") and "by local user rosa: answers in French." in sentence
    assert sentence.endswith("All traffic is on base. Control has not recorded it yet.")
    record(database, publisher)
    assert "not recorded" not in read_state(database, read(database.layout.plan).plan, NAME).sentence
