"""The time of a step is the smaller of wall clock and boot-time clock; a jump holds the decisions that wait."""

from __future__ import annotations

import pytest

from fairtrial.domain.limits.constants import DAY_US, HOUR_US, MINUTE_US
from fairtrial.experiments.steady_time import Anchor, Reading, Records, SteadyTime

WALL = 1_800_000_000_000_000


def at(hours: float, *, ahead_hours: float = 0.0, boot_id: int = 1) -> Reading:
    """The clocks so many hours after the start, with a wall clock that is so far wrong."""
    since_us = round(hours * HOUR_US)
    return Reading(WALL + since_us + round(ahead_hours * HOUR_US), 5 * HOUR_US + since_us, boot_id)


def begun(stored: Anchor | None = None, *, newest_us: int | None = WALL) -> SteadyTime:
    return SteadyTime(stored, at(0), newest_us)


@pytest.mark.parametrize("ahead", [48, 400 * 24, 0.1])
def test_a_jump_forward_makes_no_time(ahead: float) -> None:
    times = begun().now(at(1, ahead_hours=ahead))
    assert times.now_us == times.stamp_us == at(1).wall_us
    assert "ahead of the boot-time clock" in times.held


def test_a_jump_back_takes_the_wall_clock_and_records_changes_with_the_other_one() -> None:
    times = begun().now(at(1, ahead_hours=-24))
    assert (times.now_us, times.stamp_us) == (at(1 - 24).wall_us, at(1).wall_us)
    assert times.held == "clocks that agree (the wall clock is 1 day behind the boot-time clock)"


def test_the_clocks_agree_again_at_once() -> None:
    time = begun()
    assert time.now(at(1, ahead_hours=48)).held and not time.now(at(1.01)).held


def test_less_than_a_minute_is_no_jump_and_small_ones_do_not_add_up_to_one() -> None:
    time = begun()
    for day in range(1, 11):
        reading = at(24 * day, ahead_hours=day * 0.9 / 60)
        assert not time.now(reading).held
        assert time.step(reading, Records())


def test_a_suspended_machine_goes_on() -> None:
    times = begun().now(at(14))
    assert times.now_us == at(14).wall_us and not times.held


def test_a_restart_on_the_same_boot_is_checked_by_the_stored_anchor() -> None:
    stored = begun().anchor
    again = SteadyTime(stored, at(1, ahead_hours=48), WALL)
    assert again.anchor == stored and again.now(at(1, ahead_hours=48)).held
    silent = SteadyTime(stored, at(24 * 9), WALL)
    assert not silent.now(at(24 * 9)).held  # silence is no jump


@pytest.mark.parametrize(
    ("hours", "held"), [(0, False), (23, False), (25, True), (48, True), (400 * 24, True), (-0.5, True), (-24, True)]
)
def test_over_a_reboot_the_records_decide(hours: float, held: bool) -> None:
    stored = begun().anchor
    time = SteadyTime(stored, Reading(WALL + round(hours * HOUR_US), 0, 2), WALL)
    assert bool(time.now(Reading(WALL + round(hours * HOUR_US), 0, 2)).held) is held
    assert (time.anchor is None) is held


def test_a_new_store_trusts_the_wall_clock() -> None:
    assert not begun(newest_us=None).now(at(0)).held


def test_without_any_record_the_anchor_of_the_last_boot_decides() -> None:
    time = SteadyTime(begun().anchor, Reading(WALL + 9 * DAY_US, 0, 2), None)
    assert time.now(Reading(WALL + 9 * DAY_US, 0, 2)).held


def rebooted(minutes: float) -> Reading:
    return Reading(WALL + 3 * DAY_US + round(minutes * MINUTE_US), round(minutes * MINUTE_US), 2)


def test_after_a_reboot_fresh_records_confirm_a_clock_that_runs_evenly() -> None:
    time = SteadyTime(begun().anchor, rebooted(0), WALL)
    assert not time.step(rebooted(0), Records(rebooted(0).wall_us, fresh=True))
    assert not time.step(rebooted(9), Records(rebooted(9).wall_us, fresh=True))
    assert not time.step(rebooted(11), Records(WALL))
    assert not time.step(rebooted(12), Records(rebooted(12).wall_us - 2 * HOUR_US, fresh=True))
    assert time.step(rebooted(13), Records(rebooted(13).wall_us, fresh=True))
    assert not time.now(rebooted(14)).held and time.known.gained_us == 0  # the machine was off for real days


def test_a_clock_that_is_set_right_soon_after_the_boot_is_trusted_at_once() -> None:
    time = SteadyTime(begun().anchor, rebooted(0), WALL)
    right = Reading(WALL + HOUR_US, 2 * MINUTE_US, 2)
    assert time.step(right, Records(rebooted(1).wall_us, fresh=True)) and not time.now(right).held


def corrected() -> SteadyTime:
    """A wall clock that has been two days ahead for a day, with records that agree."""
    time = begun()
    for hour in range(1, 26):
        reading = at(hour, ahead_hours=48)
        assert time.step(reading, Records(reading.wall_us, fresh=True)) is (hour == 25)
    return time


def test_a_jump_that_stays_for_a_day_is_a_correction_and_its_time_counts_for_no_earlier_wait() -> None:
    time = corrected()
    assert not time.now(at(26, ahead_hours=48)).held and time.anchor is not None
    assert time.known.late_us(WALL) == 48 * HOUR_US
    assert time.known.late_us(at(26, ahead_hours=48).wall_us) == 0
    again = SteadyTime(time.anchor, Reading(at(27, ahead_hours=48).wall_us, 0, 2), at(26, ahead_hours=48).wall_us)
    assert again.known.late_us(WALL) == 48 * HOUR_US  # also over a reboot


def test_a_jump_that_moves_again_or_has_no_records_is_no_correction() -> None:
    time = begun()
    for hour in range(1, 60):
        reading = at(hour, ahead_hours=48 + hour // 20)
        assert not time.step(reading, Records(reading.wall_us, fresh=True))
    silent = begun()
    assert not any(silent.step(at(hour, ahead_hours=48), Records(WALL, fresh=True)) for hour in range(1, 90))


def test_a_person_confirms_a_wall_clock_at_once() -> None:
    time = begun()
    assert time.step(at(1, ahead_hours=-24), Records(), acknowledged=True)
    assert not time.now(at(1, ahead_hours=-24)).held and time.known.gained_us == 0


def test_without_a_boot_time_clock_the_wall_clock_is_right() -> None:
    time = SteadyTime(None, Reading(WALL, WALL, 0), WALL - 90 * DAY_US)
    later = WALL + 400 * DAY_US
    assert time.now(Reading(later, later, 0)).now_us == later
