"""With several experiments, only those with something new are stepped, and harm is tested for all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.control.background import harm_test
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.background.step_pace import CHECK_US, STEP_US
from tests.fixtures.control.live_trial import NAME, WHOLE, LiveTrial

OTHERS = ("other-1", "other-2", "other-3")
_BEFORE, _, _OWN = WHOLE.partition(f"  {NAME}:\n    question")
PROJECT = WHOLE.replace(
    "metrics:\n", "".join(f"  of-{name}: {{experiment: {name}, fallback: base}}\n" for name in OTHERS) + "metrics:\n"
) + "".join(f"  {name}:\n    question{_OWN}" for name in OTHERS)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    with closing(LiveTrial(tmp_path, PROJECT)) as made:
        for after_us in (*[STEP_US] * 6, CHECK_US, STEP_US):
            made.now_us += after_us
            made.monitor.step()
        yield made


def stepped(trial: LiveTrial) -> set[str]:
    """The experiments with a new step after one more round."""
    before = dict(trial.monitor.statuses)
    trial.now_us += STEP_US
    trial.monitor.step()
    return {name for name, status in trial.monitor.statuses.items() if status is not before.get(name)}


def visit(trial: LiveTrial, name: str, users: range, *, harms: bool = False) -> None:
    """One request of each user in this experiment, all stored; ``harms``: the treatment fails."""
    trial.name = name
    for user in users:
        arm = trial.visit(f"user-{user}")
        if harms and arm == "tuned":
            trial.visit(f"user-{user}", fails=True)
    trial.ingester.catch_up()


def test_only_the_experiment_with_new_requests_is_stepped(trial: LiveTrial) -> None:
    assert stepped(trial) == set()
    visit(trial, OTHERS[1], range(40))
    assert stepped(trial) == {OTHERS[1]}
    assert stepped(trial) == set(), "its look is no change for the others, nor for itself"


def test_feedback_leads_to_a_step_of_its_experiment(trial: LiveTrial) -> None:
    visit(trial, OTHERS[0], range(10))
    stepped(trial)
    trial.visit("user-1", said=True)
    trial.ingester.catch_up()
    assert stepped(trial) == {OTHERS[0]}


def test_a_change_by_a_person_leads_to_steps(trial: LiveTrial) -> None:
    trial.name = OTHERS[2]
    trial.change("pause")
    assert OTHERS[2] not in stepped(trial)
    trial.change("resume")
    assert OTHERS[2] in stepped(trial)


def test_a_stop_waits_for_no_rest_and_one_query_tests_all(trial: LiveTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.monitor = ExperimentMonitor(
        trial.database, trial.publisher, lambda: trial.now_us, rest=1e6, clock=trial.clock,
        add_sums=trial.ingester.add_sums,
    )  # fmt: skip
    trial.monitor.step()
    visit(trial, OTHERS[0], range(5))
    trial.monitor.step()  # the first step with data; everything rests from now on
    visit(trial, OTHERS[0], range(5, 10))
    assert stepped(trial) == set()
    queries: list[int] = []

    def count(cursor: object, plans: list[object]) -> object:
        queries.append(len(plans))
        return read(cursor, plans)  # type: ignore[arg-type]

    read = harm_test.read_event_users
    monkeypatch.setattr(harm_test, "read_event_users", count)
    visit(trial, OTHERS[1], range(10), harms=True)
    trial.monitor.step()
    assert queries == [4], "none had been tested yet"
    visit(trial, OTHERS[1], range(10, 12), harms=True)
    trial.monitor.step()
    assert queries == [4], "so few failures can't prove harm"
    visit(trial, OTHERS[0], range(10, 100), harms=True)
    visit(trial, OTHERS[2], range(10, 100), harms=True)
    trial.monitor.step()
    assert queries == [4, 2], "the two whose new failures could prove it"
    published = trial.publisher.published
    assert published is not None
    states = {name: experiment.state for name, experiment in published.plan.experiments.items()}
    assert states == {NAME: "running", OTHERS[0]: "paused", OTHERS[1]: "running", OTHERS[2]: "paused"}


def test_harm_is_tested_again_only_after_new_failures(trial: LiveTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    visit(trial, NAME, range(30))
    trial.visit("user-1", fails=True)
    trial.ingester.catch_up()
    stepped(trial)
    monkeypatch.setattr(harm_test, "read_event_users", lambda *_: pytest.fail("nothing failed since"))
    visit(trial, NAME, range(30, 60))
    assert stepped(trial) == {NAME}
