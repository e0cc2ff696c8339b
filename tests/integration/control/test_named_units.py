"""Which users are named behind a difference by request, and what an acceptance of them covers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.api.experiments import ChangeOptions
from fairtrial.store.experiments import stored_looks
from gateway.control.experiments.change_experiment import accepted_units
from gateway.control.experiments.state_change import Change, change_state
from gateway.control.verdicts.live_evidence import stored_plan
from tests.fixtures.control.heavy_users import MANY, TEXT, USERS, accept, guardrail, send, users_of
from tests.fixtures.control.live_trial import HOUR_US, NAME, PERSON, LiveTrial

KEPT = TEXT.replace("margin: 10pp", "margin: 10pp, baseline: 5%")


@pytest.fixture(name="trial")
def trial_fixture(tmp_path: Path) -> Iterator[LiveTrial]:
    trial = LiveTrial(tmp_path, TEXT)
    yield trial
    trial.close()


def test_an_acceptance_that_two_admins_record_at_once_counts_once(trial: LiveTrial) -> None:
    (heavy,) = send(trial, heavy=1)
    both = [accepted_units(trial.database, trial.experiment, (heavy,)) for _ in range(2)]
    for evidence in both:
        options = ChangeOptions(unit=(heavy,))
        change = Change(NAME, "approve", PERSON, "our bot", evidence=evidence, options=options)
        change_state(trial.database, trial.publisher, change, now_us=trial.now_us)
    by_request = guardrail(trial).by_request
    assert by_request is not None and len(by_request.accepted) == 1
    send(trial, heavy=1)
    assert guardrail(trial).answer != "safe", "the second user was accepted by nobody"


def test_a_user_is_named_after_a_pause_within_the_first_day(trial: LiveTrial) -> None:
    (name,) = (user for user, _ in zip(users_of(trial, "tuned", "heavy"), range(1), strict=False))
    for number in range(USERS):
        trial.visit(f"user-{number}")
    for number in range(MANY):
        trial.visit(name, fails=number % 10 < 4)
    trial.step()
    trial.now_us += HOUR_US
    trial.change("pause")
    trial.now_us += HOUR_US
    trial.change("resume")
    trial.step(hours=25)
    by_request = guardrail(trial).by_request
    assert by_request is not None and [unit.unit for unit in by_request.named] == [f"hash-{name}"]
    accept(trial, f"hash-{name}")


@pytest.mark.release("stories")
def test_a_kept_control_names_the_users_of_its_week(tmp_path: Path) -> None:
    trial = LiveTrial(tmp_path, KEPT)
    for number in range(2100):
        trial.visit(f"before-{number}")
        trial.now_us += HOUR_US // 2100
    trial.step()
    trial.change("promote", options=ChangeOptions(override=True, keep_control="50%", keep_for="14d"))
    trial.step()
    send(trial, heavy=1)
    trial.step(hours=24 * 6)
    (second,) = send(trial, heavy=1)
    by_request = guardrail(trial).by_request
    assert by_request is not None and [unit.unit for unit in by_request.named] == [second]
    stored = stored_plan(trial.database, trial.experiment)
    assert stored is not None and stored_looks.read(trial.database, stored).plan.week == 2
    trial.close()
