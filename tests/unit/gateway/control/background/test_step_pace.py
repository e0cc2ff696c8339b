"""The monitor steps when something arrived or a time limit is reached, and does nothing in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from fairtrial.domain.errors import StoreError
from fairtrial.store.experiments.sums.metric_sums import LATE_US as FEEDBACK_LATE_US
from fairtrial.store.experiments.sums.share_sums import DAY_US, HOUR_US, LATE_US
from gateway.control.background import experiment_monitor, step_pace
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.background.step_pace import CHECK_US, LEAST_REST, LONGEST_QUIET_US, STEP_US
from tests.fixtures.control.live_trial import NAME, WHOLE, LiveTrial


class Watched(LiveTrial):
    """A trial whose monitor is asked for a step at given times."""

    def steps(self, *, after_us: int) -> bool:
        """Whether the monitor makes a whole step then."""
        before = self.monitor.statuses.get(NAME)
        self.now_us += after_us
        self.monitor.step()
        return self.monitor.statuses.get(NAME) is not before

    def settle(self) -> None:
        """Let the monitor follow what has just been published or recorded, and make its checks."""
        for _ in range(6):
            self.steps(after_us=STEP_US)
        self.steps(after_us=CHECK_US)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Watched]:
    with closing(Watched(tmp_path, WHOLE)) as made:
        made.settle()
        yield made


def test_without_requests_only_time_limits_lead_to_a_step(trial: Watched) -> None:
    assert not any(trial.steps(after_us=1000 * STEP_US) for _ in range(30))
    plan = trial.monitor.statuses[NAME].stored.plan
    ends_us = plan.started_us + plan.max_weeks * 7 * DAY_US
    trial.steps(after_us=ends_us - trial.now_us - 4 * STEP_US)  # renews the clock's anchor and reads the last weeks
    for _ in range(2):
        trial.steps(after_us=STEP_US)
    assert not trial.steps(after_us=2 * STEP_US - 1)
    trial.steps(after_us=1)
    assert trial.experiment.state == "ended"


def test_a_change_that_could_not_be_stored_is_tried_again_at_the_next_step(
    trial: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError("the store could not answer")

    plan = trial.monitor.statuses[NAME].stored.plan
    trial.steps(after_us=plan.started_us + plan.max_weeks * 7 * DAY_US - trial.now_us - 3 * STEP_US)
    with monkeypatch.context() as broken:
        broken.setattr(experiment_monitor, "change_state", refuse)
        with pytest.raises(StoreError):
            trial.steps(after_us=4 * STEP_US)
    trial.steps(after_us=STEP_US)
    assert trial.experiment.state == "ended"


def test_what_arrives_leads_to_a_step_and_then_the_ends_of_windows_do(trial: Watched) -> None:
    for user in range(40):
        trial.visit(f"user-{user}", said=True)
    begun_us = trial.now_us
    assert not trial.steps(after_us=STEP_US), "the requests are still in the journal"
    trial.ingester.catch_up()
    assert [trial.steps(after_us=STEP_US) for _ in range(3)] == [True, False, False], "no step follows its own look"
    trial.settle()
    assert not any(trial.steps(after_us=STEP_US) for _ in range(10))
    for end in (HOUR_US + FEEDBACK_LATE_US, HOUR_US + LATE_US, DAY_US + LATE_US):
        trial.steps(after_us=max(0, begun_us + end - LONGEST_QUIET_US - trial.now_us))
        assert trial.steps(after_us=begun_us + end - trial.now_us), end
    arms = trial.monitor.statuses[NAME].sums.arms.values()
    shares = [arm.metrics["requests.error_rate"].shares for arm in arms]  # type: ignore[union-attr]
    assert sum(share.day.n for share in shares if share is not None) == 40
    trial.settle()
    trial.steps(after_us=HOUR_US)
    assert not any(trial.steps(after_us=HOUR_US) for _ in range(10)), "all windows have ended"


def test_new_data_waits_some_seconds_after_a_step_and_a_new_plan_does_not(
    trial: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0
    monkeypatch.setattr(step_pace, "time", SimpleNamespace(monotonic=lambda: seconds))
    trial.monitor = ExperimentMonitor(
        trial.database, trial.publisher, lambda: trial.now_us, clock=trial.clock, add_sums=trial.ingester.add_sums
    )

    def units(*, after: float) -> int:
        """Those that the monitor has seen, with one more in the store."""
        nonlocal seconds
        seconds += after
        trial.visit(f"user-{seconds}")
        trial.ingester.catch_up(paced=True)
        trial.monitor.step()
        return sum(arm.units for arm in trial.monitor.statuses[NAME].sums.arms.values())

    assert (units(after=0.0), units(after=0.1)) == (1, 2), "the first step is not rested after"
    assert (units(after=LEAST_REST - 0.2), units(after=0.2)) == (2, 4)
    assert units(after=0.1) == 4
    trial.change("pause")
    trial.change("resume")
    assert units(after=0.1) == 6


def test_a_clock_that_jumps_leads_to_a_step(trial: Watched) -> None:
    trial.jump(hours=3)
    assert trial.steps(after_us=0)
    assert [wait.needs for wait in trial.monitor.statuses[NAME].step.waits] == ["clock"]
