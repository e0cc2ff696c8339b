"""The demo says what it does and how much time is left, also without a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from fairtrial_cli.demo import progress as module
from fairtrial_cli.demo.progress import Progress


class Clock:
    """Time that only moves when a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_it_counts_and_estimates_the_time_left_by_the_measured_speed_first() -> None:
    clock = Clock()
    progress = Progress(Console(file=io.StringIO(), width=100), clock)
    progress.expect(120.0, 2.0)
    progress.doing("asking")
    progress.count("answers", 4, 1000, work=4.0)
    assert str(progress) == "asking, answers 4 of 1,000, about 0:58 left"


def test_it_estimates_by_what_was_done_as_soon_as_that_is_enough() -> None:
    clock = Clock()
    progress = Progress(Console(file=io.StringIO(), width=100), clock)
    progress.expect(120.0, 2.0)
    clock.now += 20.0
    progress.count("answers", 20, 120, work=20.0)
    assert progress.speed == 1.0
    assert str(progress).endswith("about 1:40 left")


def test_a_step_forgets_the_counts_of_the_one_before() -> None:
    progress = Progress(Console(file=io.StringIO(), width=100), Clock())
    progress.count("answers", 4, 10)
    progress.doing("judging")
    assert str(progress) == "judging"


def test_without_a_terminal_it_prints_a_line_whenever_it_was_silent_for_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    clock, console = Clock(), Console(file=io.StringIO(), width=100)
    with Progress(console, clock) as progress:
        progress.doing("loading")
        clock.now += module.QUIET_SECONDS
        while "0:06  loading" not in shown(console):
            pass
        assert shown(console).count("loading") == 2
