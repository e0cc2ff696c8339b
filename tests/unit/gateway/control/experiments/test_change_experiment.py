"""A transition is a row that is published at once, and neither a broken file nor a full disk undoes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairtrial.config.plan.plan_record import plan_diff
from fairtrial.config.plan.published import read
from fairtrial.config.project import load_project
from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import BadRequest, Conflict, NotFound, Unavailable
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.published_state import describe_state
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import published_plans, transitions
from gateway.control.background import plan_publisher as publisher_module
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import Change
from gateway.control.experiments.states import read_state, record_kill_files
from tests.fixtures.control.control_app import NOW, PROJECT

NAME = "tuned-vs-base"
CANARY = "canary-4711-0815"


def change(
    database: Database, publisher: PlanPublisher, action: Action, *, why: str = "a test", name: str = NAME
) -> Transition:
    request = Change(name, action, "account rosa", why)
    return change_experiment(database, publisher, request, now_us=NOW)


def published(database: Database) -> Experiment:
    return read(database.layout.plan).plan.experiments[NAME]


def log(database: Database) -> list[tuple[str, str | None]]:
    return [(row["plan_hash"], row["actor"]) for row in database.dicts(published_plans.listing(Page()))]


def test_a_kill_is_a_row_an_entry_of_the_audit_trail_and_a_plan(database: Database, publisher: PlanPublisher) -> None:
    publisher.refresh()
    before = read(database.layout.plan).plan.plan_hash
    made = change(database, publisher, "kill", why="answers in French")
    assert published(database).state == "killed"
    (row,) = database.dicts(transitions.listing(Page(), NAME))
    assert (row["actor"], row["why"], row["plan_hash"]) == ("account rosa", "answers in French", before)
    assert (row["from_state"], row["to_state"], row["segment"], row["evidence"]) == ("running", "killed", 1, None)
    assert transitions.last(database) == {NAME: made}
    entries = [(row["actor"], row["action"], row["subject"]) for row in database.dicts(audit.listing(Page()))]
    assert ("account rosa", "experiment.kill", NAME) in entries
    after = read(database.layout.plan).plan.plan_hash
    assert log(database) == [(after, "account rosa"), (before, None)]
    changed = plan_diff(published_plans.find(database, before), published_plans.find(database, after[:8]))
    assert [difference.path for difference in changed] == [f"experiments.{NAME}.state", "plan_hash"]


def test_a_kill_works_while_the_file_is_broken_and_after_a_restart_with_it(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    config.write_text("version: [")
    change(database, publisher, "kill")
    assert published(database).state == "killed"
    again = PlanPublisher(database, config, lambda: load_project(config, {}), clock_us=lambda: NOW)
    again.refresh(keys_changed=True)
    assert published(database).state == "killed"
    config.write_text(PROJECT)
    again.refresh()
    assert published(database).state == "killed"


def test_a_kill_works_while_the_file_is_missing(database: Database, publisher: PlanPublisher, config: Path) -> None:
    publisher.refresh()
    config.unlink()
    change(database, publisher, "kill")
    assert published(database).state == "killed"


def test_a_kill_that_the_disk_did_not_take_is_recorded_and_published_by_the_next_turn_of_the_loop(
    database: Database, publisher: PlanPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.refresh()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publisher_module, "publish", full)
    with pytest.raises(Unavailable, match="the kill is recorded"):
        change(database, publisher, "kill")
    assert published(database).state == "running"
    last = transitions.last(database)[NAME]
    assert "does not show this yet" in describe_state(read(database.layout.plan).plan, NAME, last).sentence
    monkeypatch.undo()
    assert publisher.refresh()
    assert published(database).state == "killed"
    assert log(database)[0] == (read(database.layout.plan).plan.plan_hash, "account rosa")


def test_a_rearm_starts_a_segment_with_its_own_salt_and_analysis_hash(
    database: Database, publisher: PlanPublisher
) -> None:
    publisher.refresh()
    segments = [published(database)]
    for number in (2, 3):
        change(database, publisher, "kill")
        change(database, publisher, "rearm")
        segments.append(published(database))
        assert (segments[-1].segment, segments[-1].state) == (number, "running")
    assert publisher.refused is None
    assert len({segment.salt for segment in segments}) == len({segment.analysis_hash for segment in segments}) == 3


def test_a_rearm_waits_for_a_valid_file(database: Database, publisher: PlanPublisher, config: Path) -> None:
    publisher.refresh()
    change(database, publisher, "kill")
    config.write_text(PROJECT.replace("unit: user", "unit: planet"))
    with pytest.raises(Conflict, match="planet"):
        change(database, publisher, "rearm")
    assert published(database).state == "killed"
    assert len(database.dicts(transitions.listing(Page(), NAME))) == 1


def test_a_resumed_experiment_is_the_same_plan_again(database: Database, publisher: PlanPublisher) -> None:
    publisher.refresh()
    first = read(database.layout.plan).plan
    change(database, publisher, "pause")
    assert published(database).state == "paused"
    change(database, publisher, "resume")
    assert read(database.layout.plan).plan == first
    assert len(log(database)) == 3


def test_a_kill_stays_in_force_when_a_restored_store_lacks_its_row(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    change(database, publisher, "kill")
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM transitions")
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM alarms")
    again = PlanPublisher(database, config, lambda: load_project(config, {}), clock_us=lambda: NOW)
    again.refresh(keys_changed=True)
    state = read_state(database, read(database.layout.plan).plan, NAME)
    assert (state.state, state.possible) == ("killed", ("rearm", "end"))
    assert (
        "by control: the store is older than the published configuration, which has it stopped, and does not know why."
        in state.sentence
    )
    ((text,),) = database.rows("SELECT text FROM alarms WHERE kind = 'experiment.killed' AND state = 'open'")
    assert text.startswith(f"{NAME}: stopped by control: the store is older than the published configuration")
    config.write_text("version: [")
    again.refresh()
    assert published(database).state == "killed"
    config.write_text(PROJECT)
    change(database, again, "rearm")
    assert (published(database).state, published(database).segment) == ("running", 2)


def test_a_kill_file_stops_the_segment_that_was_published_and_that_the_store_lacks(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    change(database, publisher, "kill")
    change(database, publisher, "rearm")
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM transitions")
    (database.layout.folder / f"kill.{NAME}@0a.json").touch()
    again = PlanPublisher(database, config, lambda: load_project(config, {}), clock_us=lambda: NOW)
    record_kill_files(database, again, now_us=NOW)
    assert (published(database).state, published(database).segment) == ("killed", 2)


def test_wrong_changes_leave_no_row(database: Database, publisher: PlanPublisher) -> None:
    publisher.refresh()
    with pytest.raises(BadRequest, match="reason is required"):
        change(database, publisher, "kill", why=" ")
    with pytest.raises(NotFound, match="tuned-vs-base"):
        change(database, publisher, "kill", name="tuned-vs-bass")
    with pytest.raises(Conflict, match="running"):
        change(database, publisher, "resume")
    change(database, publisher, "end")
    with pytest.raises(Conflict, match="ended"):
        change(database, publisher, "kill")
    assert len(database.dicts(transitions.listing(Page(), NAME))) == 1


@pytest.mark.parametrize("broken", [False, True])
def test_the_plan_history_has_no_secret(database: Database, config: Path, *, broken: bool) -> None:
    environ = {"KEY": f"{CANARY}-key", "HOST": f"{CANARY}.example", "TENANT": f"{CANARY}-tenant"}
    text = PROJECT.replace(
        "model: openai/tuned, base_url: http://127.0.0.1:9/v1",
        'model: openai/tuned, base_url: "http://127.0.0.1:9/${TENANT}/v1", api_key: "${KEY}"',
    ).replace("system_prompt: prompt.md", 'system_prompt: prompt.md, params: {user: "${HOST}"}')
    config.write_text(text.replace("model: openai/base,", f'model: openai/base, api_key: "literal-{CANARY}",'))
    publisher = PlanPublisher(database, config, lambda: load_project(config, environ), clock_us=lambda: NOW)
    publisher.refresh()
    assert CANARY in database.layout.plan.read_text()
    if broken:
        config.write_text("version: [")
        publisher = PlanPublisher(database, config, lambda: load_project(config, environ), clock_us=lambda: NOW)
    change(database, publisher, "kill")
    plans = [published_plans.find(database, plan_hash) for plan_hash, _ in log(database)]
    assert [plan["experiments"][NAME]["state"] for plan in plans] == ["killed", "running"]
    assert CANARY not in json.dumps(plans)
    assert "${KEY}" in json.dumps(plans)
    assert "${TENANT}" in json.dumps(plans[1])
    database.cursor().execute("CHECKPOINT")
    assert CANARY.encode() not in database.layout.store.read_bytes()
