"""What counts as slower than the last release."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.since import ACCEPTED, BEGIN, END, PAGE, confirmed, result, too_slow, works
from benchmarks.wire.paired import Row, merged, table
from tests.fixtures.releases.unpacked import releases

NEWEST = f"release {releases()[-1]}"


def test_work_is_slower_where_all_pairs_say_so() -> None:
    assert too_slow([Row("slower", "s", [(1.0, 1.3), (2.0, 2.5), (1.0, 1.28)])], NEWEST)


def test_noise_and_small_losses_are_not_slower() -> None:
    noise = Row("noise", "s", [(1.0, 1.9), (1.0, 0.7), (1.0, 1.4)])
    small = Row("small", "s", [(1.0, 1.09), (1.0, 1.08), (1.0, 1.09)])
    assert too_slow([noise, small, Row("one pair", "s", [(1.0, 3.0)])], NEWEST) == []


def test_accepted_work_has_its_own_limit() -> None:
    for before, accepted in ACCEPTED.items():
        for work, (most, _) in accepted.items():
            within, beyond = (Row(work, "s", [(1.0, most * by)] * 3) for by in (0.9, 1.1))
            assert too_slow([within, beyond], before) == [beyond]
            assert too_slow([within], NEWEST) == [within]


def test_result_of_work_is_met_missed_open_or_accepted() -> None:
    def row(*ratios: float) -> Row:
        return Row("work", "s", [(1.0, ratio) for ratio in ratios])

    assert result(row(1.0, 1.01, 1.0), NEWEST) == "met"
    assert result(row(1.05, 1.06, 1.05), NEWEST) == "*missed*"
    assert result(row(0.9, 1.1, 1.0), NEWEST) == "*not settled*"
    (before, accepted), *_ = ACCEPTED.items()
    (work, (most, why)), *_ = accepted.items()
    assert result(Row(work, "s", [(1.0, 1.2)]), before) == f"*accepted* up to {most:g}: {why}"


def test_accepted_work_is_known() -> None:
    assert {work for accepted in ACCEPTED.values() for work in accepted} <= set(works())


def test_the_page_has_a_row_for_each_kind_of_work() -> None:
    lines = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].splitlines()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert sorted(row for row in rows if row != "work") == sorted(works())


def test_pairs_of_one_kind_of_work_become_one_row() -> None:
    (row,) = merged([Row("work", "s", [(1.0, 2.0)]), Row("work", "s", [(2.0, 1.0)])])
    assert (row.ratio, row.before, row.now) == (pytest.approx(1.0), 1.5, 1.5)
    assert "1.000" in table([row])


def test_work_is_too_slow_only_if_a_second_measurement_says_so_too() -> None:
    def rows(part: str, times: float) -> list[Row]:
        return [Row(f"work of {part}", "s", [(1.0, times)] * 3)]

    asked = []

    def again(parts: Sequence[str]) -> dict[str, list[Row]]:
        asked.extend(parts)
        return {part: rows(part, {"disturbed": 1.0, "slower": 1.4}[part]) for part in parts}

    first = {"sound": rows("sound", 1.0), "disturbed": rows("disturbed", 1.4), "slower": rows("slower", 1.4)}
    all_rows, slow = confirmed(first, NEWEST, again)
    assert asked == ["disturbed", "slower"]
    assert [(row.work, len(row.pairs)) for row in slow] == [("work of slower", 6)]
    assert [len(row.pairs) for row in all_rows] == [3, 6, 6]
    assert confirmed({"sound": rows("sound", 1.0)}, NEWEST, again)[1] == []
