"""The users until a decline of a rate pauses and harm kills."""

from __future__ import annotations

import pytest

from fairtrial.stats.planning.rate_courses import kill_course, pause_course

FIVE_TIMES = {"control": 0.01, "treatment": 0.05, "units": 8_000}


def test_five_times_the_errors_pause_before_they_kill() -> None:
    pause, kill = pause_course(**FIVE_TIMES), kill_course(margin=0.01, **FIVE_TIMES)
    assert pause.mean_stop / 2 == pytest.approx(300, rel=0.05)
    assert kill.mean_stop / 2 == pytest.approx(512, rel=0.05)
    assert pause.power[-1] == kill.power[-1] == 1.0


def test_three_guardrails_share_the_alpha() -> None:
    assert pause_course(**FIVE_TIMES, alpha=0.05 / 3).mean_stop / 2 == pytest.approx(390, rel=0.05)
    assert kill_course(margin=0.01, **FIVE_TIMES, alpha=0.05 / 3).mean_stop / 2 == pytest.approx(650, rel=0.05)


def test_equal_arms_seldom_pause() -> None:
    assert pause_course(control=0.01, treatment=0.01, units=6_000).power[-1] < 0.05


def test_an_uneven_split_takes_more_units() -> None:
    assert pause_course(**FIVE_TIMES, share=0.1).mean_stop > 1.5 * pause_course(**FIVE_TIMES).mean_stop


def test_impossible_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="can't be planned for"):
        pause_course(control=1.0, treatment=0.05, units=100)
