"""A segment is frozen once, also while the monitor holds the plan of before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from benchmarks import segments
from fairtrial.api.experiments import ChangeOptions
from gateway.control.background.experiment_monitor import ExperimentMonitor
from tests.fixtures.control.live_trial import NAME, WHOLE, LiveTrial
from tests.fixtures.waiting import PATIENCE

KEPT = ChangeOptions(override=True, keep_control="5%", keep_for="14d")
FROZEN = "SELECT segment, count(*), max(attempt) FROM analysis_plans WHERE kind = 'start' GROUP BY segment ORDER BY 1"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    with closing(LiveTrial(tmp_path, WHOLE)) as made:
        yield made


@contextmanager
def held_step(trial: LiveTrial) -> Iterator[None]:
    """The monitor has read the published plan and goes on only after the block."""
    holds, goes_on = threading.Event(), threading.Event()

    def wait() -> None:
        holds.set()
        assert goes_on.wait(PATIENCE)

    monitor = ExperimentMonitor(
        trial.database, trial.publisher, lambda: trial.now_us, rest=0, clock=trial.clock, add_sums=wait
    )
    thread = threading.Thread(target=monitor.step)
    thread.start()
    assert holds.wait(PATIENCE)
    try:
        yield
    finally:
        goes_on.set()
        thread.join()


def promoted(trial: LiveTrial) -> None:
    with held_step(trial):
        trial.change("promote", options=KEPT)


def armed_twice(trial: LiveTrial) -> None:
    trial.change("kill")
    trial.change("rearm")
    with held_step(trial):
        trial.change("kill")
        trial.change("rearm")


def resumed_with_another_model(trial: LiveTrial) -> None:
    trial.change("kill")
    trial.change("rearm")
    with held_step(trial):
        trial.change("pause")
        trial.edit("model: openai/tuned,", "model: openai/tuned-2,")
        trial.change("resume")


@pytest.mark.parametrize(
    ("act", "frozen"),
    [
        (promoted, [(1, 1, 1), (2, 1, 1)]),
        (armed_twice, [(1, 1, 1), (3, 1, 2)]),
        (resumed_with_another_model, [(1, 1, 1), (3, 1, 1)]),
    ],
)
def test_a_monitor_that_holds_an_older_plan_freezes_nothing(
    trial: LiveTrial, act: Callable[[LiveTrial], None], frozen: list[tuple[int, int, int]]
) -> None:
    act(trial)
    trial.step()
    trial.step()
    assert trial.database.rows(FROZEN) == frozen
    assert trial.monitor.statuses[NAME].stored.plan.segment == frozen[-1][0]


def test_nothing_is_frozen_by_the_published_file_alone_because_it_lacks_the_guardrails(trial: LiveTrial) -> None:
    sound = trial.config.read_text()
    trial.config.write_text("version: [")
    with trial.database.transaction() as cursor:
        cursor.execute("DELETE FROM analysis_plans")
    trial.restart()
    assert trial.database.rows(FROZEN) == []
    trial.config.write_text(sound)
    trial.now_us += 3_000_000
    trial.step()
    assert trial.database.rows(FROZEN) == [(1, 1, 1)]
    assert trial.monitor.statuses[NAME].stored.plan.guardrails


def test_a_segment_that_begins_while_the_file_is_refused_is_watched(trial: LiveTrial) -> None:
    trial.edit("model: openai/tuned,", "model: openai/tuned-2,")
    assert trial.experiment.state == "paused"
    trial.config.write_text("version: [")
    trial.step()
    assert trial.publisher.refused is not None
    trial.change("resume")
    trial.step()
    for number in range(600):
        arm = trial.visit(f"new-{number}")
        if arm == "tuned":
            trial.visit(f"new-{number}", fails=True)
    trial.step(hours=2)
    assert trial.monitor.statuses[NAME].stored.plan.segment == trial.experiment.segment
    assert trial.experiment.state in ("paused", "killed")


@pytest.mark.release("attacks")
def test_segments_that_begin_under_traffic_are_each_frozen_once(tmp_path: Path) -> None:
    found = segments.run(tmp_path, 2, rate=20, seed=1)
    assert found.sound, found
    assert found.begun == {"rearm": 2, "resume": 2, "promote": 2}
