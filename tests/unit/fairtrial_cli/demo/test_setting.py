"""How many cases the demo takes depends on the machine's speed alone, in an order that is fixed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from fairtrial_cli.demo.setting import (
    ALL,
    LONGEST_SECONDS,
    QUICK,
    QUICK_SECONDS,
    SLOW,
    SUITES,
    Sizes,
    choose,
    prepare,
    shorten,
)
from fairtrial_cli.run_suites import load_suites

FILES = ("support/suite.yaml", "general/suite.yaml", "edges/suite.yaml")


def test_each_step_takes_no_more_of_anything_than_the_one_before() -> None:
    steps = (*QUICK, *SLOW)
    for before, after in itertools.pairwise(steps):
        assert after.tickets <= before.tickets and after.general <= before.general
        assert after.edges <= before.edges and after.customers <= before.customers
        assert after.work < before.work


def test_a_slower_machine_never_takes_more_cases_and_ends_in_time_if_any_step_does() -> None:
    speeds = [10.0 * 0.95**step for step in range(80)]
    chosen = [choose(speed, elapsed=10.0) for speed in speeds]
    works = [sizes.work for sizes in chosen]
    assert works == sorted(works, reverse=True)
    assert chosen[0] == ALL and chosen[-1] == SLOW[-1]
    for speed, sizes in zip(speeds, chosen, strict=True):
        seconds = 10.0 + sizes.work / speed
        assert seconds <= LONGEST_SECONDS or sizes == SLOW[-1]
        assert seconds <= QUICK_SECONDS or sizes not in QUICK or sizes == QUICK[-1]


def test_a_machine_that_has_become_slower_keeps_its_tickets_and_takes_less_of_the_rest() -> None:
    assert shorten(ALL, 10.0, elapsed=60.0) == ALL
    shorter = shorten(ALL, 1.0, elapsed=60.0)
    assert shorter.tickets == ALL.tickets
    assert shorter.general < ALL.general and shorter.edges < ALL.edges and shorter.customers < ALL.customers


@pytest.mark.parametrize("sizes", [*QUICK, *SLOW], ids=str)
def test_a_smaller_suite_has_the_same_gate_lines_and_slices(tmp_path: Path, sizes: Sizes) -> None:
    setting = prepare(tmp_path / "demo")
    setting.take(sizes)
    taken = load_suites([setting.suites / name for name in FILES])
    whole = load_suites([SUITES / name for name in FILES])
    assert [len(suite.cases) for suite in taken] == [sizes.tickets, sizes.general, 3 * sizes.edges]
    assert [suite.gate for suite in taken] == [suite.gate for suite in whole]
    assert [dict(suite.params) for suite in taken] == [dict(suite.params) for suite in whole]
    assert [set(suite.values) for suite in taken] == [set(suite.values) for suite in whole]
    if sizes == ALL:
        assert [suite.digest for suite in taken] == [suite.digest for suite in whole]


def test_what_is_left_out_is_named_with_its_numbers() -> None:
    assert ALL.fewer_than(ALL) == []
    assert SLOW[-1].fewer_than(ALL) == [
        "30 of 120 tickets",
        "60 of 400 general questions",
        "24 of 90 edge cases",
        "40 of 120 customers",
    ]
