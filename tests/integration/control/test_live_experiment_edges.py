"""Edges of a live experiment: edits and changes while it runs, and steps that come too late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.limits.constants import END_OF_TIME_US, HOUR_US
from fairtrial.domain.settings import PersonsAction
from fairtrial.experiments.analysis.freeze import Known
from fairtrial.experiments.assignment import assign
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms, analysis_plans
from fairtrial.store.experiments.analysis_plans import frozen_plans
from fairtrial_cli.commands import check
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.frozen_plans import settle_level
from gateway.control.experiments.state_change import Change
from tests.fixtures.control.live_trial import NAME, WHOLE, LiveTrial

RELATIVE = WHOLE.replace("requests.error_rate, margin: 1pp", "cost.per_request, margin: 50%")


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[LiveTrial]:
    """All units are enrolled from the start."""
    with closing(LiveTrial(tmp_path, WHOLE)) as trial:
        yield trial


def test_units_that_set_a_level_do_not_decide_after_an_amendment_of_the_stages(tmp_path: Path) -> None:
    with closing(LiveTrial(tmp_path, RELATIVE)) as trial:
        for user in range(1_400):
            trial.visit(f"user-{user}", call={"cost_usd": "0.01"})
        trial.step(1)
        (before,) = frozen_plans(trial.database)[NAME].guardrails
        assert before.from_us == trial.now_us and before.measures_level
        trial.edit("{stages: [100]}", "{stages: [100], min_units: 7}")
        trial.change("amend")
        plan = frozen_plans(trial.database)[NAME]
        assert (plan.enrolment.min_units, plan.attempt) == (7, 1)
        assert plan.guardrails == (before,)


def test_an_amendment_that_counts_anew_keeps_the_level_and_reads_a_stated_cap(tmp_path: Path) -> None:
    with closing(LiveTrial(tmp_path, RELATIVE)) as trial:
        for user in range(1_400):
            trial.visit(f"user-{user}", call={"cost_usd": "0.01"})
        trial.step(1)
        (before,) = frozen_plans(trial.database)[NAME].guardrails
        trial.edit("margin: 50%", "margin: 50%, cap: 70")
        trial.change("amend")
        (after,) = frozen_plans(trial.database)[NAME].guardrails
        assert (after.level, after.cap, after.from_us) == (before.level, 70.0, 0)


def test_a_started_experiment_can_not_be_set_to_a_manual_start(tmp_path: Path) -> None:
    with closing(LiveTrial(tmp_path, WHOLE)) as trial:
        trial.edit("{stages: [100]}", "{stages: [100], start: manual}")
        assert trial.publisher.refused is not None and "has started" in trial.publisher.refused
        assert trial.experiment.state == "running"
    done = CliRunner().invoke(check.command, [str(trial.config)])
    assert done.exit_code == 2 and "has started" in done.stdout + done.stderr


def test_a_new_segment_is_not_paused_by_the_model_that_it_began_with(whole: LiveTrial) -> None:
    for day in range(2):
        for number in range(400):
            user = f"user-{day}-{number}"
            new = day == 1 and assign(whole.experiment, user).assigned == "tuned"
            whole.visit(user, model_served="new" if new else "old")
        whole.step(1)
    assert whole.experiment.state == "paused"
    whole.now_us += 5_000_000
    whole.change("resume", "the new model is meant")
    whole.step()
    assert (whole.experiment.state, whole.experiment.segment) == ("running", 2)


def test_alarms_of_an_experiment_that_left_the_file_are_closed(whole: LiveTrial) -> None:
    for user in range(3_000):
        if assign(whole.experiment, f"user-{user}").assigned == "base" or user % 3 == 0:
            whole.visit(f"user-{user}")
    whole.step(1)
    found = whole.database.dicts(alarms.listing(Page(until_us=END_OF_TIME_US)))
    assert {one["kind"] for one in found} >= {"experiment.srm"} and {one["state"] for one in found} == {"open"}
    text = whole.config.read_text().split("experiments:")[0]
    whole.config.write_text(text.replace("{experiment: tuned-vs-base, fallback: base}", "{deployment: base}"))
    whole.step(1)
    found = whole.database.dicts(alarms.listing(Page(until_us=END_OF_TIME_US)))
    assert {one["state"] for one in found} == {"closed"} and whole.monitor.statuses == {}


def test_a_rule_does_not_change_a_segment_that_it_has_not_looked_at(whole: LiveTrial) -> None:
    whole.change("kill")
    whole.change("rearm")
    late = Change(NAME, "kill", "control", "harm in segment 1", {}, segment=1)
    with pytest.raises(Conflict, match="segment 2 began"):
        change_experiment(whole.database, whole.publisher, late, now_us=whole.now_us)
    assert whole.experiment.state == "running"


def test_an_experiment_with_many_long_names_ends_in_time(tmp_path: Path) -> None:
    names = [f"a-candidate-with-a-long-name-{number:02}" for number in range(9)]
    variants = "".join(f"      {name}: {{deployment: tuned}}\n" for name in names)
    split = ", ".join(f"{name}: 10" for name in names)
    text = WHOLE.replace("      tuned: {deployment: tuned}\n", variants)
    text = text.replace("{base: 50, tuned: 50}", f"{{base: 10, {split}}}")
    with closing(LiveTrial(tmp_path, text)) as trial:
        for user in range(2_000):
            trial.visit(f"user-{user}", said=user % 2 == 0)
        trial.step(2)
        trial.step(6 * 7 * 24)
        assert trial.experiment.state == "ended"
        why = trial.trail()[-1]["why"]
        assert why.startswith("6 weeks are over; ") and why.endswith("…") and len(why) <= 500


def test_a_new_salt_begins_at_the_first_stage_without_approvals(tmp_path: Path) -> None:
    staged = WHOLE.replace("{stages: [100]}", "{stages: [10, 50, 100], approve: [50]}")
    with closing(LiveTrial(tmp_path, staged)) as trial:
        trial.change("approve")
        for number in range(400):
            trial.visit(f"user-{number}")
        trial.step(1)
        for number in range(400):
            trial.visit(f"user-{number}")
        trial.step(1)
        assert trial.experiment.stage == 100
        trial.edit("unit: user", "unit: user\n    salt: second")
        assert trial.publisher.refused is None and trial.experiment.stage == 10
        trial.step()
        for number in range(400):
            trial.visit(f"user-{number}")
        trial.step(1)
        assert trial.experiment.stage == 10
        assert trial.monitor.statuses[NAME].step.asks_approval == 50
        assert [row["stage"] for row in trial.trail()] == [50, 50, 100, 10]


def test_a_level_that_comes_during_an_amendment_does_not_undo_it(tmp_path: Path) -> None:
    with closing(LiveTrial(tmp_path, RELATIVE)) as trial:
        seen = analysis_plans.newest(trial.database, NAME)
        assert seen is not None
        trial.edit("mde: 10pp", "mde: 5pp")
        trial.change("amend")
        settle_level(trial.database, seen, "requests.error_rate", Known(0.1), now_us=trial.now_us)
        primary = frozen_plans(trial.database)[NAME].primary
        assert primary is not None and primary.margin == 0.05


def test_only_an_approval_names_a_stage(whole: LiveTrial) -> None:
    with pytest.raises(BadRequest, match="only an approval names a stage"):
        whole.change("kill", stage=40.0)
    assert whole.trail() == []


def test_a_later_end_in_the_file_is_the_end(whole: LiveTrial) -> None:
    whole.edit("unit: user", "unit: user\n    max_weeks: 8")
    assert whole.publisher.refused is None
    whole.step(6 * 7 * 24 + 1)
    assert whole.experiment.state == "running"
    whole.step(2 * 7 * 24)
    assert whole.experiment.state == "ended"
    assert whole.trail()[-1]["why"].startswith("8 weeks are over")


def test_a_step_that_began_before_a_pause_leaves_the_alarm_of_the_pause_open(whole: LiveTrial) -> None:
    trial = whole
    clock = lambda: trial.now_us  # noqa: E731 - both read one clock
    pauses: Iterator[PersonsAction] = iter(("pause",))
    during_the_step = ExperimentMonitor(
        trial.database, trial.publisher, clock, rest=0, clock=trial.clock,
        add_sums=lambda: [trial.change(action) for action in pauses],
    )  # fmt: skip
    trial.now_us += HOUR_US
    during_the_step.step()
    rows = trial.database.dicts(alarms.listing(Page()))
    assert [(row["kind"], row["state"]) for row in rows] == [("experiment.paused", "open")]
