"""A wall clock that jumps raises no stage, ends nothing, and lets nothing pass or be promoted; harm still stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.domain.errors import Conflict
from fairtrial.experiments.decision.waits import wait_words
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.experiments.record_alarms import acknowledge_alarm
from gateway.control.verdicts.recompute import recompute
from tests.fixtures.control.judged_trial import GATE, PROJECT as BETTER, JudgedTrial
from tests.fixtures.control.live_trial import NAME, PERSON, PROJECT, WHOLE, LiveTrial
from tests.fixtures.experiments.box_text import text_of

pytestmark = pytest.mark.release("attacks")

CLOCK_ALARMS = "SELECT alarm_id, state, text FROM alarms WHERE kind = 'clock.jump' ORDER BY at_time"
STAGED = PROJECT.replace(
    "{stages: [2, 10, 40, 100], min_units: 5, min_hours: 24, approve: [40]}",
    "{stages: [20, 50, 100], min_units: 5, min_hours: 24}",
)
GLITCH_HOURS = 400 * 24
SECONDS_8 = 8 / 3600


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    """An experiment in its first stage, with enough users in both arms for the next one."""
    with closing(LiveTrial(tmp_path, STAGED)) as made:
        visits(made, 120)
        made.step(hours=1)
        yield made


def visits(trial: LiveTrial, users: int, **more: bool) -> None:
    for number in range(users):
        trial.visit(f"user-{number}-{trial.now_us}", said=True, **more)


def clock_alarms(trial: LiveTrial) -> list[tuple[str, str]]:
    return [(state, text) for _, state, text in trial.database.rows(CLOCK_ALARMS)]


def waits(trial: LiveTrial) -> str:
    return "; ".join(map(wait_words, trial.monitor.statuses[NAME].step.waits))


@pytest.mark.parametrize("hours", [48, GLITCH_HOURS, -24])
def test_a_jump_raises_no_stage_and_ends_nothing(trial: LiveTrial, hours: float) -> None:
    trial.jump(hours)
    for _ in range(3):
        trial.step(hours=SECONDS_8 / 3)
    assert (trial.experiment.state, trial.experiment.stage) == ("running", 20)
    assert "the wall clock is" in waits(trial) and "the boot-time clock)" in waits(trial)
    ((state, text),) = clock_alarms(trial)
    assert state == "open" and "Harm still stops it." in text
    trial.jump(-hours)
    trial.step(hours=SECONDS_8)
    assert [state for state, _ in clock_alarms(trial)] == ["closed"]
    trial.step(hours=21)
    assert trial.experiment.stage == 20 and "24 hours of this stage" in waits(trial)
    trial.step(hours=3)
    assert trial.experiment.stage == 50  # 24 real hours


def test_a_glitch_does_not_end_the_looks(trial: LiveTrial) -> None:
    looked_us = trial.monitor.statuses[NAME].step.memory.looked_us
    trial.jump(GLITCH_HOURS)
    visits(trial, 40)
    trial.step(hours=SECONDS_8)
    assert trial.monitor.statuses[NAME].step.memory.looked_us < looked_us + 3_600_000_000
    trial.jump(-GLITCH_HOURS)
    visits(trial, 40)
    trial.step(hours=2)
    found = trial.monitor.statuses[NAME].step.memory.looked_us
    assert found == trial.now_us


@pytest.mark.parametrize("hours", [48, GLITCH_HOURS, -24])
def test_proven_harm_stops_during_a_jump(trial: LiveTrial, hours: float) -> None:
    trial.step(hours=30)
    right_us = trial.now_us
    trial.jump(hours)
    for number in range(200):
        name = f"late-{number}"
        trial.visit(name, fails=trial.visit(name) == "tuned")
    trial.step()
    assert trial.experiment.state in ("paused", "killed")
    assert trial.trail()[-1]["actor"] == "control"
    assert trial.database.rows("SELECT epoch_us(max(at_time)) FROM transitions") == [(right_us,)]


@pytest.mark.parametrize("hours", [48, GLITCH_HOURS])
def test_a_kill_waits_for_nothing_but_a_units_own_hour_during_a_jump(tmp_path: Path, hours: float) -> None:
    with closing(LiveTrial(tmp_path, WHOLE.replace("1pp}", "1pp, pause_at: 1pp}"))) as trial:
        trial.step(hours=30)
        trial.jump(hours)
        for number in range(300):
            trial.visit(f"late-{number}", fails=trial.visit(f"late-{number}") == "tuned")
        trial.step(hours=0.9)
        assert trial.experiment.state == "running"
        trial.step(hours=0.2)
        assert trial.experiment.state == "killed"


def test_a_suspended_machine_advances(trial: LiveTrial) -> None:
    trial.step(hours=24)  # both clocks, in one step: only the monotonic clock stood still
    assert trial.experiment.stage == 50 and not clock_alarms(trial)


def test_a_restart_of_control_does_not_trust_a_clock_that_has_jumped(trial: LiveTrial) -> None:
    trial.jump(48)
    trial.restart()
    trial.step()
    assert trial.experiment.stage == 20 and "ahead of the boot-time clock" in waits(trial)


def test_after_a_reboot_the_records_decide(trial: LiveTrial) -> None:
    trial.reboot(off_hours=0.1, wrong_hours=48)
    trial.step()
    assert trial.experiment.stage == 20 and "fresh records that confirm the wall clock" in waits(trial)
    trial.jump(-48)
    trial.step()
    assert trial.experiment.stage == 20 and not [one for one in clock_alarms(trial) if one[0] != "closed"]


def test_a_machine_that_was_off_for_days_goes_on_with_fresh_records(trial: LiveTrial) -> None:
    trial.reboot(off_hours=72)
    trial.step(hours=1)
    assert trial.experiment.stage == 20 and "fresh records" in waits(trial)
    visits(trial, 50)
    trial.step(hours=0.2)
    assert trial.experiment.stage == 50


def test_a_short_reboot_holds_nothing(trial: LiveTrial) -> None:
    trial.step(hours=12)
    trial.reboot(off_hours=10)
    trial.step(hours=2)
    assert trial.experiment.stage == 50 and not clock_alarms(trial)


def test_a_person_who_acknowledges_the_alarm_confirms_the_clock_but_makes_no_time(trial: LiveTrial) -> None:
    trial.jump(48)
    trial.step()
    ((alarm_id, _, _),) = trial.database.rows(CLOCK_ALARMS)
    acknowledge_alarm(trial.database, alarm_id, actor=PERSON, why="NTP set it", now_us=trial.now_us)
    trial.step()
    assert [state for state, _ in clock_alarms(trial)] == ["closed"]
    assert trial.experiment.stage == 20 and "24 hours of this stage" in waits(trial)
    waiting, now_us = trial.monitor.statuses[NAME].step.waits, trial.clock.now().now_us
    found = describe_decision(trial.database, trial.experiment, waiting, now_us=now_us, slices=False)
    assert "Next stage: 50 % in 23 h." in text_of(found.box)
    trial.step(hours=22)
    assert trial.experiment.stage == 20
    trial.step(hours=2)
    assert trial.experiment.stage == 50
    trial.jump(48)
    trial.step()
    assert clock_alarms(trial)[-1][0] == "open"  # the acknowledgement was for one jump


def test_the_end_waits_for_real_weeks(trial: LiveTrial) -> None:
    trial.edit("{stages: [20, 50, 100], min_units: 5, min_hours: 24}", "{stages: [20]}")
    trial.jump(GLITCH_HOURS)
    trial.step()
    assert trial.experiment.state == "running" and "the wall clock is" in waits(trial)
    trial.jump(-GLITCH_HOURS)
    trial.step(hours=GLITCH_HOURS)
    assert trial.experiment.state == "ended"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> JudgedTrial:
    """A trial whose candidate is better, before the two weeks from which that counts."""
    folder, text = tmp_path_factory.mktemp("judged"), BETTER.replace("min_days: 7", "min_days: 14")
    with closing(JudgedTrial(folder, text)) as made:
        made.gate.write_text(GATE.replace("  - live.guardrails hold\n", ""))
        made.live_traffic(200)
        made.live_traffic(40, first=200, days=0)  # fading needs units in both weeks
        made.run_both()
    return made


@pytest.fixture
def judged(closed: JudgedTrial, tmp_path: Path) -> Iterator[JudgedTrial]:
    with closing(closed.copied_to(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("hours", [10 * 24, GLITCH_HOURS, -24])
def test_nothing_passes_during_a_jump(judged: JudgedTrial, hours: float) -> None:
    expected = "HOLD" if hours > 0 else "SHIP"
    judged.step(hours=0 if hours > 0 else 6 * 24)
    judged.run_both()
    assert judged.judge().decision == expected
    judged.jump(hours)
    verdict = judged.judge()  # before the monitor has seen the jump
    assert verdict.decision == "HOLD"
    assert any("clocks that agree" in one.says and one.result == "cannot tell" for one in verdict.findings)
    (primary,) = (one for one in verdict.findings if one.rule.startswith("live.primary"))
    assert primary.result == "cannot tell"
    again = recompute(judged.database, verdict.verdict_id)
    assert again.result == "THE SAME", again.differences
    judged.jump(-hours)
    assert judged.judge().decision == expected


def test_nothing_is_promoted_during_a_jump(judged: JudgedTrial) -> None:
    judged.step(hours=6 * 24)
    judged.run_both()
    assert judged.judge().decision == "SHIP"
    judged.jump(48)
    with pytest.raises(Conflict, match="clocks that agree"):
        judged.change("promote")


def test_status_says_why_decisions_are_held(judged: JudgedTrial) -> None:
    judged.jump(48)
    judged.step()
    waiting = judged.monitor.statuses[NAME].step.waits
    now_us = judged.clock.now().now_us
    found = describe_decision(judged.database, judged.experiment, waiting, now_us=now_us, slices=False)
    words = "clocks that agree (the wall clock is 2 days ahead of the boot-time clock)"
    assert found.analysis.stages.waits == (words,)
    assert words in text_of(found.box) and "acknowledge the alarm clock.jump" in text_of(found.box)


def test_after_a_correction_the_pass_comes_by_real_days(judged: JudgedTrial) -> None:
    before = judged.judge()
    judged.jump(6 * 24)
    judged.step()
    ((alarm_id, _, _),) = judged.database.rows(CLOCK_ALARMS)
    acknowledge_alarm(judged.database, alarm_id, actor=PERSON, why="NTP set it", now_us=judged.now_us)
    judged.step()
    judged.run_both()
    assert before.decision == judged.judge().decision == "HOLD"
    judged.step(hours=6 * 24)
    judged.run_both()
    assert judged.judge().decision == "SHIP"


def test_a_change_during_a_jump_back_is_recorded_with_the_boot_time_clock(trial: LiveTrial) -> None:
    right_us = trial.now_us
    trial.jump(-24)
    assert trial.change("pause").at_us == right_us
