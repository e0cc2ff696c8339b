"""A wait binds the key that was told, and everybody only for ten seconds after several keys and units were told."""

from __future__ import annotations

import math

from gateway.proxy.plan.rests import LONGEST_FOR_ALL, TOGETHER, Rests


def test_the_longest_wait_of_a_key_counts_and_ends() -> None:
    rests = Rests()
    rests.note("told", "u", 5.0, 100.0)
    rests.note("told", "u", 1.0, 100.0)
    assert [rests.binds("told", now) for now in (104.9, 105.0)] == [True, False]
    assert rests.latest == -math.inf, "then nothing is asked again"


def test_one_key_binds_no_other_whatever_units_it_names() -> None:
    rests = Rests()
    for number in range(600):
        rests.note("told", f"u{number}", 120.0, 100.0 + number / 10)
        assert rests.binds("told", 100.0 + number / 10) and not rests.binds("other", 100.0 + number / 10)


def test_two_keys_and_two_units_in_a_minute_bind_all_for_ten_seconds() -> None:
    rests = Rests()
    rests.note("one", "u", 120.0, 100.0)
    rests.note("two", "u", 120.0, 101.0)
    assert not rests.binds("third", 101.0), "one unit"
    rests.note("two", "v", 120.0, 102.0)
    assert [rests.binds("third", now) for now in (102.0, 101.9 + LONGEST_FOR_ALL, 102.0 + LONGEST_FOR_ALL)] == [
        True, True, False,
    ]  # fmt: skip
    assert rests.binds("two", 200.0), "those that were told wait on"


def test_keys_that_were_told_in_different_minutes_bind_themselves_alone() -> None:
    rests = Rests()
    for number in range(10):
        rests.note(f"key-{number % 2}", f"u{number}", 5.0, 100.0 + number * TOGETHER)
        assert not rests.binds("third", 100.0 + number * TOGETHER)


def test_a_short_wait_for_all_is_not_prolonged() -> None:
    rests = Rests()
    rests.note("one", "u", 2.0, 100.0)
    rests.note("two", "v", 2.0, 100.0)
    assert [rests.binds("third", now) for now in (101.9, 102.0)] == [True, False]
