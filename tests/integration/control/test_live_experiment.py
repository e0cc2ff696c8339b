"""A live experiment from its start to its end, through journal, ingest and monitor, with an injected clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.errors import Conflict
from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.experiments.assignment import assign
from fairtrial.experiments.decision.waits import Wait
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms, looks
from fairtrial.store.experiments.analysis_plans import frozen_plans
from fairtrial_cli.commands.check import command
from gateway.control.background.experiment_monitor import ExperimentMonitor
from tests.fixtures.control.live_trial import HOUR_US, NAME, NOW, PROJECT, WHOLE, LiveTrial


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    with closing(LiveTrial(tmp_path, PROJECT)) as trial:
        yield trial


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[LiveTrial]:
    """All units are enrolled from the start."""
    with closing(LiveTrial(tmp_path, WHOLE)) as trial:
        yield trial


def day(trial: LiveTrial, number: int, *, users: int = 600, better: float = 0.2) -> None:
    """One day of new users, of whom 60 % of the control's say yes, and more of the candidate's; nothing fails."""
    for user in range(users):
        share = (user * 7919 % users) / users
        name = f"user-{number}-{user}"
        arm = trial.visit(name, said=None)
        if arm is not None:
            trial.visit(name, said=share < (0.6 + better if arm == "tuned" else 0.6))
    trial.step(12)
    trial.step(12)


@pytest.mark.release("stories")
def test_a_good_arm_walks_through_all_stages_with_one_approval(trial: LiveTrial) -> None:
    stages = []
    for number in range(16):
        stages.append(trial.experiment.stage)
        day(trial, number)
        status = trial.monitor.statuses[NAME]
        if status.step.asks_approval is not None:
            assert status.step.waits == (Wait("approval", 40.0),)
            trial.change("approve", "tone checked on 40 answers")
    assert [stage for index, stage in enumerate(stages) if stage not in stages[:index]] == [2, 10, 40, 100]
    rows = trial.trail()
    assert [(row["action"], row["stage"], row["actor"]) for row in rows] == [
        ("stage", 10, "control"),
        ("approve", 40, "account rosa"),
        ("stage", 40, "control"),
        ("stage", 100, "control"),
    ]
    assert all(row["from_state"] == row["to_state"] == "running" and row["segment"] == 1 for row in rows)
    for row in rows:
        if row["action"] == "stage":
            assert row["why"] == f"every condition of the {row['stage']:g} % stage holds"
            evidence = json.loads(row["evidence"])
            assert evidence["stage"] == row["stage"] and min(evidence["units"].values()) >= 5
    assert len({row["plan_hash"] for row in rows}) == 3  # an approval changes no plan
    latched = trial.monitor.statuses[NAME].step.memory.latched["feedback.resolved", "tuned"]
    assert latched.answer == "better"


@pytest.mark.release("stories")
def test_what_looks_have_shown_survives_a_restart(whole: LiveTrial) -> None:
    for number in range(3):
        day(whole, number)
    before = whole.monitor.statuses[NAME].step.memory
    assert before.latched["feedback.resolved", "tuned"].answer == "better"
    whole.restart()
    whole.step()
    after = whole.monitor.statuses[NAME].step.memory
    assert after.latched["feedback.resolved", "tuned"].answer == "better"
    assert after.latched["feedback.resolved", "tuned"].answered_us == (
        before.latched["feedback.resolved", "tuned"].answered_us
    )
    assert len(looks.shown(whole.database, Page(until_us=END_OF_TIME_US), NAME, metric="feedback.resolved")) >= 3


def fail_until(trial: LiveTrial, state: str, *, start: int = 0, most: int = 1_000) -> int:
    """Users of whom every fourth of tuned has an error, fifty in a quarter of an hour; returns how many it took."""
    for user in range(start, start + most):
        arm = trial.visit(f"user-{user}")
        if arm == "tuned" and user % 4 == 0:
            trial.visit(f"user-{user}", fails=True)
        if user % 50 == 49:
            trial.step(hours=0.25)
        if trial.experiment.state == state:
            return user - start
    raise AssertionError(f"it is {trial.experiment.state} after {most} users")


@pytest.mark.release("stories")
def test_a_decline_pauses_a_resume_accepts_it_and_harm_beyond_the_margin_kills(whole: LiveTrial) -> None:
    assert fail_until(whole, "paused") < 200
    (row,) = whole.trail()
    assert (row["action"], row["actor"]) == ("pause", "control")
    assert (
        "requests.error_rate of tuned is proven to be worse" in row["why"] and "continuing accepts this" in row["why"]
    )
    (declined,) = json.loads(row["evidence"])["declined"]
    assert (declined["metric"], declined["variant"]) == ("requests.error_rate", "tuned")
    assert declined["log_e"] >= declined["log_kill"]
    whole.step(24)
    whole.change("resume", "1 in 8 is acceptable until Monday", options=ChangeOptions(accept=("20pp",)))
    whole.step()
    assert (whole.experiment.state, whole.experiment.segment) == ("running", 1), "the same decline pauses once"
    assert 0 < fail_until(whole, "killed", start=1_000) < 500, "the evidence from before the pause goes on"
    assert [one["action"] for one in whole.trail()] == ["pause", "resume", "kill"]
    assert "requests.error_rate of tuned" in whole.trail()[-1]["why"]


def test_an_arm_that_fails_is_killed_and_stays_killed(tmp_path: Path) -> None:
    whole = LiveTrial(tmp_path, WHOLE.replace("margin: 1pp}", "margin: 1pp, pause_at: 1pp}"))
    assert fail_until(whole, "killed") < 500
    (row,) = whole.trail()
    assert (row["action"], row["actor"], row["to_state"]) == ("kill", "control", "killed")
    assert "requests.error_rate of tuned" in row["why"] and "0 % of base" in row["why"]
    evidence = json.loads(row["evidence"])
    assert evidence["log_e"] >= evidence["log_kill"] > 2.99
    whole.restart()
    whole.step(24)
    assert whole.experiment.state == "killed" and len(whole.trail()) == 1
    whole.change("rearm", "the memory leak is fixed")
    whole.step()
    plan = frozen_plans(whole.database)[NAME]
    assert (plan.segment, plan.attempt, plan.alpha_primary) == (2, 2, 0.025)
    whole.close()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mde: 10pp", "mde: 5pp", "primary.mde: 10pp → 5pp"),
        ("margin: 1pp", "margin: 2pp", "guardrails.requests.error_rate.margin: 1pp → 2pp"),
        ("window: 1h", "window: 2h", "metrics.resolved.window_seconds: 3600 → 7200"),
        ("split: {base: 50, tuned: 50}", "split: {base: 60, tuned: 40}", "base 50 / tuned 50 → base 60 / tuned 40"),
        ("stages: [2, 10, 40, 100]", "stages: [2, 10, 40]", "enroll.stages: [2, 10, 40, 100] → [2, 10, 40]"),
    ],
)  # fmt: skip
def test_an_edit_of_what_is_frozen_is_refused_until_it_is_amended(
    trial: LiveTrial, old: str, new: str, said: str
) -> None:
    for user in range(2_000):
        trial.visit(f"user-{user}")
    trial.step()
    before = trial.experiment
    trial.edit(old, new)
    assert trial.publisher.refused is not None and said in trial.publisher.refused
    assert "fairtrial experiment amend tuned-vs-base --why" in trial.publisher.refused
    assert trial.experiment == before
    trial.change("amend", "agreed with support")
    assert trial.publisher.refused is None
    plan = frozen_plans(trial.database)[NAME]
    counts_anew = "stages" not in old
    assert (plan.revision, plan.attempt) == (2, 2 if counts_anew else 1)
    trial.step()
    units = sum(arm.units for arm in trial.monitor.statuses[NAME].sums.arms.values())
    assert (units == 0) is counts_anew
    assert trial.trail()[-1]["action"] == "amend"


def test_a_later_end_is_free_and_an_earlier_one_is_not(trial: LiveTrial) -> None:
    trial.step()
    trial.edit("unit: user", "unit: user\n    max_weeks: 8")
    assert trial.publisher.refused is None and trial.experiment.max_weeks == 8
    trial.edit("max_weeks: 8", "max_weeks: 2")
    assert trial.publisher.refused is not None and "max_weeks: 6 → 2" in trial.publisher.refused


def test_the_control_and_the_unit_need_a_new_salt(trial: LiveTrial) -> None:
    trial.step()
    trial.edit("control: base", "control: tuned")
    assert trial.publisher.refused is not None and "give it a new salt" in trial.publisher.refused
    with pytest.raises(Conflict, match="no amendment can do that"):
        trial.change("amend")
    trial.edit("unit: user", "unit: user\n    salt: second")
    assert trial.publisher.refused is None
    trial.step()
    assert frozen_plans(trial.database)[NAME].control == "tuned"


def test_a_lower_stage_is_refused_and_can_not_be_amended(trial: LiveTrial) -> None:
    trial.step()
    trial.edit("stages: [2, 10, 40, 100]", "stages: [1, 10, 40, 100]")
    assert trial.publisher.refused is not None
    with pytest.raises(Conflict, match="the stage can't be lowered from 2 to 1 %"):
        trial.change("amend")


def test_another_model_pauses_and_a_resume_starts_a_new_segment(trial: LiveTrial) -> None:
    trial.step()
    trial.edit("model: openai/tuned", "model: openai/tuned-2")
    assert trial.publisher.refused is None
    assert (trial.experiment.state, trial.experiment.segment) == ("paused", 1)
    assert trial.trail()[-1]["why"].startswith("the model of tuned was replaced")
    trial.change("resume", "the new weights are meant")
    assert (trial.experiment.state, trial.experiment.segment) == ("running", 2)
    trial.step()
    plan = frozen_plans(trial.database)[NAME]
    assert (plan.segment, plan.attempt) == (2, 1)  # another candidate


def test_an_experiment_that_leaves_the_file_is_paused_and_a_person_resumes_it(trial: LiveTrial) -> None:
    whole = trial.config.read_text()
    trial.config.write_text(
        whole[: whole.index("experiments:")].replace("experiment: tuned-vs-base", "deployment: base")
    )
    trial.now_us += 3_000_000
    trial.publisher.refresh()
    assert trial.publisher.refused is None
    assert trial.trail()[-1]["why"] == "the project file no longer has the experiment"
    trial.config.write_text(whole)
    trial.now_us += 3_000_000
    trial.publisher.refresh()
    assert trial.experiment.state == "paused"
    trial.change("resume", "it was taken out by mistake")
    assert (trial.experiment.state, trial.experiment.segment) == ("running", 1)


def test_a_resume_after_a_guardrail_has_paused_starts_a_new_segment(tmp_path: Path) -> None:
    text = WHOLE.replace("margin: 1pp}", "margin: 1pp, pause_at: 1pp, signal: pause}")
    with closing(LiveTrial(tmp_path, text)) as trial:
        for user in range(200):
            arm = trial.visit(f"user-{user}")
            if arm == "tuned":
                trial.visit(f"user-{user}", fails=True)
        trial.step(hours=2)
        assert trial.experiment.state == "paused"
        trial.change("resume", "the leak is fixed")
        trial.step()
        assert (trial.experiment.state, trial.experiment.segment) == ("running", 2)


def test_the_first_step_which_loads_the_statistics_is_not_rested_after(trial: LiveTrial) -> None:
    monitor = ExperimentMonitor(trial.database, trial.publisher, lambda: trial.now_us, rest=1e6)
    monitor.step()
    for user in range(400):
        trial.visit(f"user-{user}")
    trial.ingester.catch_up()
    monitor.step()
    units = sum(arm.units for arm in monitor.statuses[NAME].sums.arms.values())
    assert units > 0
    for user in range(400, 800):
        trial.visit(f"user-{user}")
    trial.ingester.catch_up()
    monitor.step()
    assert sum(arm.units for arm in monitor.statuses[NAME].sums.arms.values()) == units, "it rests from now on"


def test_a_manual_start_waits(tmp_path: Path) -> None:
    trial = LiveTrial(tmp_path, PROJECT.replace("stages: [2, 10", "start: manual, stages: [2, 10"))
    trial.step()
    assert trial.experiment.state == "declared" and frozen_plans(trial.database) == {}
    assert trial.visit("user-1") is None
    trial.change("start", "the team is ready")
    trial.step()
    assert trial.experiment.state == "running" and NAME in frozen_plans(trial.database)
    trial.close()


def test_an_experiment_from_before_the_upgrade_starts_at_the_upgrade(tmp_path: Path) -> None:
    with closing(LiveTrial(tmp_path, WHOLE, watched=False)) as trial:
        old = [f"user-{number}" for number in range(200)]
        for user in old:
            trial.visit(user, fails=assign(trial.experiment, user).assigned == "tuned", said=True)
        trial.ingester.catch_up()
        trial.now_us += HOUR_US
        trial.monitor.step()
        assert trial.experiment.state == "running"  # the failures from before are never analysed
        plan = frozen_plans(trial.database)[NAME]
        assert plan.started_us == trial.now_us
        for user in (*old, *(f"new-{number}" for number in range(100))):
            trial.visit(user, said=True)
        trial.step(2)
        sums = trial.monitor.statuses[NAME].sums.arms
        assert sum(arm.metrics["feedback.resolved"].units for arm in sums.values()) == 100  # type: ignore[union-attr]
        assert sum(arm.metrics["requests.error_rate"].requests.n for arm in sums.values()) == 300  # type: ignore[union-attr]
        assert sum(arm.metrics["requests.error_rate"].users for arm in sums.values()) == 0  # type: ignore[union-attr]


def test_check_says_what_control_would_do_with_an_edit(tmp_path: Path) -> None:
    with closing(LiveTrial(tmp_path, PROJECT)) as trial:
        config = trial.config

    def check() -> tuple[int, str]:
        done = CliRunner().invoke(command, [str(config)])
        return done.exit_code, done.stdout + done.stderr

    assert check()[0] == 0
    text = config.read_text()
    config.write_text(text.replace("mde: 10pp", "mde: 5pp"))
    code, said = check()
    assert code == 2 and "primary.mde: 10pp → 5pp" in said
    assert "fairtrial.yaml:10: experiments.tuned-vs-base: the experiment has started" in said
    config.write_text(text.replace("control: base", "control: tuned"))
    code, said = check()
    assert code == 2 and "give it a new salt" in said
    config.write_text(text.replace("model: openai/tuned", "model: openai/tuned-2"))
    code, said = check()
    assert code == 0 and "the model of tuned is replaced, so control will pause it" in said
    config.write_text(text.replace("unit: user", "unit: user\n    max_weeks: 8"))
    assert check()[0] == 0


def test_an_experiment_ends_after_its_weeks_and_says_what_is_excluded(whole: LiveTrial) -> None:
    day(whole, 1, better=0.0)
    whole.step(6 * 7 * 24)
    assert whole.experiment.state == "ended"
    row = whole.trail()[-1]
    assert row["action"] == "end" and row["why"].startswith("6 weeks are over; tuned is between ")


def test_units_that_are_lost_from_one_arm_make_it_invalid_for_good(whole: LiveTrial) -> None:
    salted = [f"user-{number}" for number in range(4_000)]
    arms = {user: assign(whole.experiment, user).assigned for user in salted}
    lost = 0
    for user in salted:
        lost += arms[user] == "tuned"
        if arms[user] == "base" or lost % 4:
            whole.visit(user, said=True)
    whole.step()
    assert whole.monitor.statuses[NAME].step.memory.split.invalid
    (alarm,) = whole.database.dicts(alarms.listing(Page(until_us=END_OF_TIME_US)))
    assert alarm["kind"] == "experiment.srm" and "do not arrive by the planned split" in alarm["text"]
    whole.restart()
    for user in range(10_000, 11_000):
        if assign(whole.experiment, f"user-{user}").assigned == "tuned":
            whole.visit(f"user-{user}", said=True)
    whole.step(2)
    assert whole.monitor.statuses[NAME].step.memory.split.invalid


def standing_or_closed(trial: LiveTrial) -> list[tuple[str, str]]:
    """All alarms, without notices."""
    rows = trial.database.dicts(alarms.listing(Page(until_us=END_OF_TIME_US)))
    return [(one["kind"], one["state"]) for one in rows if not one["kind"].startswith("notice.")]


@pytest.mark.release("stories")
def test_alarms_open_once_and_close_when_their_cause_has_gone(trial: LiveTrial) -> None:
    for number in range(5):
        day(trial, number)
    assert standing_or_closed(trial) == [("stage.approval", "open")]
    trial.change("approve")
    trial.step(24)
    assert standing_or_closed(trial) == [("stage.approval", "closed")]
    assert trial.now_us > NOW + 24 * HOUR_US
