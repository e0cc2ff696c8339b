"""A promotion needs what the release check asks for, serves everyone at once, and lasts until a roll-back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.api.experiments import ChangeOptions
from fairtrial.config.plan.published import read
from fairtrial.config.project import load_project
from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import BadRequest, Conflict, PlanRefused
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.published_state import describe_state
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import transitions
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.experiments.state_change import Change
from gateway.control.verdicts.gate_file import NONE_DECLARED
from tests.fixtures.control.control_app import NOW, PROJECT
from tests.fixtures.experiments.box_text import text_of

NAME = "tuned-vs-base"
CHECKED, OVERRIDE = ChangeOptions(), ChangeOptions(override=True)
MISSING = NONE_DECLARED


def change(
    database: Database, publisher: PlanPublisher, action: Action, options: ChangeOptions = CHECKED
) -> Transition:
    request = Change(NAME, action, "account anna", "a test", options=options)
    return change_experiment(database, publisher, request, now_us=NOW)


def published(database: Database) -> Experiment:
    return read(database.layout.plan).plan.experiments[NAME]


def described(database: Database) -> ExperimentStatus:
    return describe_state(read(database.layout.plan).plan, NAME, transitions.last(database).get(NAME))


def reopened(database: Database, config: Path) -> PlanPublisher:
    """Control after a restart."""
    again = PlanPublisher(database, config, lambda: load_project(config, {}), clock_us=lambda: NOW)
    again.refresh(keys_changed=True)
    return again


def test_a_promotion_without_a_verdict_is_refused_with_all_that_is_missing(
    database: Database, publisher: PlanPublisher
) -> None:
    publisher.refresh()
    with pytest.raises(Conflict) as refused:
        change(database, publisher, "promote")
    assert refused.value.message == (
        f"experiments.{NAME}: tuned can't be promoted yet (an admin can override this):\n- {MISSING}"
    )
    assert published(database).state == "running"
    assert transitions.last(database) == {}


def test_a_promotion_records_what_it_promoted(database: Database, publisher: PlanPublisher) -> None:
    publisher.refresh()
    change(database, publisher, "promote", OVERRIDE)
    (row,) = database.dicts(transitions.listing(Page(), NAME))
    evidence = json.loads(row["evidence"])
    digests = evidence.pop("deployment_digest"), evidence.pop("overrides_digest")
    assert evidence == {"variant": "tuned", "verdict_id": None, "override": True, "missing": [MISSING]}
    assert digests[0] == read(database.layout.plan).plan.deployments["tuned"].digest
    assert (row["from_state"], row["to_state"], row["actor"]) == ("running", "ended", "account anna")
    assert (published(database).state, published(database).serves) == ("ended", "tuned")
    state = described(database)
    assert state.sentence.startswith("PROMOTED at 08:00:00 UTC on 15 Jan 2027 by account anna: a test.")
    assert (state.serves, state.possible, state.treatments) == ("tuned", ("rollback",), ("tuned",))
    assert "keep experiments.tuned-vs-base in the project file" in state.edit.note


def test_an_override_stays_visible(database: Database, publisher: PlanPublisher) -> None:
    publisher.refresh()
    change(database, publisher, "promote", OVERRIDE)
    (row,) = database.dicts(transitions.listing(Page(), NAME))
    evidence = json.loads(row["evidence"])
    assert (evidence["override"], evidence["missing"], evidence["verdict_id"]) == (True, [MISSING], None)
    sentence = f"by account anna: a test. Overriding: {MISSING}. tuned serves everyone."
    assert sentence in described(database).sentence
    decided = describe_decision(database, published(database), None, now_us=NOW)
    assert sentence in text_of(decided.box)


def test_a_roll_back_serves_the_control_even_with_a_broken_file(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    change(database, publisher, "promote", OVERRIDE)
    config.write_text("version: [")
    change(database, publisher, "rollback")
    assert (published(database).state, published(database).serves) == ("ended", None)
    assert json.loads(database.dicts(transitions.listing(Page(), NAME))[0]["evidence"]) == {"promoted": "tuned"}
    state = described(database)
    assert state.sentence.startswith("ROLLED BACK at") and state.sentence.endswith("All traffic is on base.")
    assert (state.possible, state.edit) == (("archive",), None)
    config.write_text(PROJECT)
    for action in ("rollback", "promote", "rearm"):
        with pytest.raises(Conflict, match="ended"):
            change(database, publisher, action)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [None, "pause"])
def test_a_running_or_paused_experiment_can_be_rolled_back_without_a_promotion(
    database: Database, publisher: PlanPublisher, first: Action | None
) -> None:
    publisher.refresh()
    if first is not None:
        change(database, publisher, first)
    change(database, publisher, "rollback")
    assert (published(database).state, published(database).serves) == ("ended", None)
    assert json.loads(database.dicts(transitions.listing(Page(), NAME))[0]["evidence"]) == {"promoted": None}


def test_only_a_running_or_paused_experiment_is_promoted_and_only_from_a_valid_file(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    config.write_text(PROJECT.replace("unit: user", "unit: planet"))
    with pytest.raises(Conflict, match="can't promote while the configuration is refused"):
        change(database, publisher, "promote", OVERRIDE)
    config.write_text(PROJECT)
    change(database, publisher, "kill")
    with pytest.raises(Conflict, match=r"can't promote an experiment that is killed \(possible: rearm, end\)"):
        change(database, publisher, "promote", OVERRIDE)
    with pytest.raises(BadRequest, match="only a promotion has them, not rearm"):
        change(database, publisher, "rearm", OVERRIDE)
    change(database, publisher, "rearm")
    with pytest.raises(BadRequest, match="no variant 'gone'"):
        change(database, publisher, "promote", ChangeOptions(variant="gone", override=True))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("model: openai/tuned,", "model: openai/tuned-2,", "give it another model"),
        ("system_prompt: prompt.md}", "params: {temperature: 0}}", "another system prompt or other params"),
    ],
)
def test_the_file_can_not_replace_what_is_promoted_until_it_is_rolled_back(
    database: Database, publisher: PlanPublisher, config: Path, old: str, new: str, words: str
) -> None:
    publisher.refresh()
    change(database, publisher, "promote", OVERRIDE)
    before = read(database.layout.plan)
    assert old in PROJECT
    config.write_text(PROJECT.replace(old, new))
    publisher.refresh()
    assert publisher.refused is not None and words in publisher.refused
    assert read(database.layout.plan) == before
    database.layout.plan.unlink()
    with pytest.raises(PlanRefused, match="promoted"):  # the rows know what was promoted
        reopened(database, config)
    publisher.refresh(keys_changed=True)
    change(database, publisher, "rollback")
    assert publisher.refused is None
    assert (published(database).state, published(database).serves) == ("ended", None)


def test_the_file_takes_over_and_the_experiment_can_go(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    config.write_text(PROJECT.replace(", system_prompt: prompt.md", ""))
    publisher.refresh()
    change(database, publisher, "promote", OVERRIDE)
    line = "support-bot: {deployment: tuned, fallback: base}"
    assert described(database).edit.lines == ("routes:", f"  {line}")
    edited = config.read_text().replace("support-bot: {experiment: tuned-vs-base, fallback: base}", line)
    config.write_text(edited)
    publisher.refresh()
    assert publisher.refused is None
    assert read(database.layout.plan).plan.routes["support-bot"].deployment == "tuned"
    assert "has no effect" in described(database).edit.note
    config.write_text(edited[: edited.index("experiments:")])
    publisher.refresh()
    assert publisher.refused is None
    assert read(database.layout.plan).plan.experiments == {}


def test_a_promotion_stays_in_force_after_a_restart_and_when_a_restored_store_lacks_its_row(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    change(database, publisher, "promote", OVERRIDE)
    before = read(database.layout.plan)
    reopened(database, config)
    assert read(database.layout.plan) == before
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM transitions")
    again = reopened(database, config)
    assert read(database.layout.plan) == before
    state = described(database)
    older = "the store is older than the published configuration, which has tuned promoted, and does not know why."
    assert f"{older} tuned serves everyone." in state.sentence
    assert state.possible == ("rollback",)
    decided = describe_decision(database, published(database), None, now_us=NOW)
    assert decided.box.lines[0][1].startswith("PROMOTED at")
    change(database, again, "rollback")
    assert (published(database).state, published(database).serves) == ("ended", None)
