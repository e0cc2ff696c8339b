"""Without a fallback the breaker costs few of the answers that straight calls would get."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.breaker_shares import CALLERS, RATES, SHARES, Kind, Row, Traffic, all_traffic, measured, missed, table

KINDS: tuple[Kind, ...] = ("at random", "in bursts")
HARD = [Traffic(kind, share, rate, CALLERS[0], 3.0) for kind in KINDS for share in (80, 90) for rate in RATES]


def test_the_hardest_rows_keep_their_limit() -> None:
    assert missed(map(measured, HARD)) == []


@pytest.mark.release("attacks")
def test_no_row_misses_its_limit() -> None:
    assert missed(map(measured, all_traffic())) == []


def test_there_is_a_row_for_all_traffic() -> None:
    rows = list(all_traffic())
    found = {(row.kind, row.percent, row.rate, row.callers) for row in rows}
    assert found == set(itertools.product(KINDS, SHARES, RATES, CALLERS))
    assert {row.limit for row in rows if row.percent <= 80} == {0.95}
    assert {row.limit for row in rows if row.percent == 90} == {0.85}


def test_a_row_below_its_limit_is_counted_and_shown() -> None:
    traffic = Traffic("in bursts", 80, 50, CALLERS[0], 3.0)
    kept, below = Row(traffic, 100, 95), Row(traffic, 100, 94)
    beyond = Row(Traffic("in bursts", 98, 50, CALLERS[0], 3.0), 100, 10)
    assert len(missed([kept, below, beyond])) == 1
    assert [line.split("|")[-2].strip() for line in table([kept, below, beyond], every=True)][2:] == [
        "kept",
        "**missed**",
        "",
    ]
