"""Windows of units go on after a pause, and end by the clock without new requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sequential.request_errors import RequestErrors
from tests.fixtures.control.live_trial import HOUR_US, NAME, WHOLE, LiveTrial

USERS = 60
WEEKLY = WHOLE.replace("window: 1h", "window: 7d")


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    with closing(LiveTrial(tmp_path, WEEKLY)) as made:
        for user in range(USERS):
            made.visit(f"user-{user}", said=user % 2 == 0)
        made.step(hours=0.1)
        yield made


def wait(trial: LiveTrial, hours: int) -> None:
    """Nothing arrives for so long; control asks every quarter of an hour whether a step is due."""
    for _ in range(4 * hours):
        trial.now_us += HOUR_US // 4
        trial.monitor.step()


def counted(trial: LiveTrial) -> dict[str, int]:
    """The units of both arms that count by what waits for them."""
    arms = trial.monitor.statuses[NAME].sums.arms.values()
    found = dict.fromkeys(("first", "hour", "day", "week", "given"), 0)
    for arm in arms:
        errors, feedback = arm.metrics["requests.error_rate"], arm.metrics.get("feedback.resolved")
        assert isinstance(errors, RequestErrors) and errors.shares is not None and errors.shares.first is not None
        found["first"] += errors.shares.first.n
        found["hour"] += errors.shares.hour.n
        found["day"] += errors.shares.day.n
        if isinstance(feedback, Feedback):
            found["week"] += feedback.units
            found["given"] += feedback.given.n
    return found


def test_a_resumed_pause_cuts_no_window(trial: LiveTrial) -> None:
    trial.change("pause")
    wait(trial, 2)
    trial.change("resume")
    trial.step()
    assert counted(trial) == {"first": USERS, "hour": USERS, "day": 0, "week": 0, "given": 0}
    wait(trial, 24)
    assert counted(trial)["day"] == USERS
    wait(trial, 6 * 24)
    assert counted(trial) == dict.fromkeys(("first", "hour", "day", "week", "given"), USERS)


def test_the_last_windows_end_by_the_clock_without_new_requests(trial: LiveTrial) -> None:
    wait(trial, 2)
    assert counted(trial)["hour"] == USERS
    wait(trial, 7 * 24)
    assert counted(trial)["week"] == USERS
    looked = trial.monitor.statuses[NAME].step.memory
    assert looked.sizes["feedback.resolved", "base"] + looked.sizes["feedback.resolved", "tuned"] == 2 * USERS


def test_what_a_unit_says_about_the_time_of_a_pause_does_not_count(trial: LiveTrial) -> None:
    trial.change("pause")
    for user in range(USERS, 2 * USERS):
        trial.visit(f"user-{user - USERS}", said=True)
    wait(trial, 1)
    trial.change("resume")
    for user in range(USERS):
        if user % 3 == 0:
            trial.visit(f"user-{user}", said=False)
    trial.step()
    wait(trial, 7 * 24)
    found = [arm.metrics["feedback.resolved"] for arm in trial.monitor.statuses[NAME].sums.arms.values()]
    means = [0.5 * (user % 2 == 0) if user % 3 == 0 else float(user % 2 == 0) for user in range(USERS)]
    assert sum(sums.given.x for sums in found if isinstance(sums, Feedback)) == sum(means)
