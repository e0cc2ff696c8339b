"""How many cases the demo takes depends on the machine's speed alone, in an order that is fixed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from fairtrial_cli.demo.setting import (
    ALL,
    LIMITS,
    LONGEST_SECONDS,
    QUICK,
    SLOW,
    SUITES,
    Sizes,
    choose,
    first_half,
    prepare,
    shorten,
)
from fairtrial_cli.run_suites import load_suites

FILES = ("support/suite.yaml", "general/suite.yaml", "edges/suite.yaml")


STEPS = tuple(dict.fromkeys((*QUICK, *SLOW)))


def test_each_step_takes_no_more_of_anything_than_the_one_before() -> None:
    for before, after in itertools.pairwise(STEPS):
        assert after.tickets <= before.tickets and after.general <= before.general
        assert after.edges <= before.edges and after.customers <= before.customers
        assert after.families <= before.families and after.slices <= before.slices
        assert after.work < before.work


def test_a_slower_machine_never_takes_more_cases_and_ends_in_time_if_any_step_does() -> None:
    speeds = [10.0 * 0.95**step for step in range(80)]
    chosen = [choose(speed, elapsed=10.0) for speed in speeds]
    works = [sizes.work for sizes in chosen]
    assert works == sorted(works, reverse=True)
    assert chosen[0] == ALL and chosen[-1] == SLOW[-1]
    for speed, sizes in zip(speeds, chosen, strict=True):
        seconds = 10.0 + first_half(sizes) / speed, 10.0 + sizes.work / speed
        assert (seconds[0] <= LIMITS[1][1] and seconds[1] <= LONGEST_SECONDS) or sizes == SLOW[-1]


@pytest.mark.parametrize(("speed", "first", "end"), [(1.3, 150, 480), (3.0, 120, 300)])
def test_the_first_verdict_and_the_end_come_in_time(speed: float, first: int, end: int) -> None:
    sizes = choose(speed, elapsed=25.0)
    assert 25.0 + first_half(sizes) / speed <= first
    assert 25.0 + sizes.work / speed <= end


@pytest.mark.parametrize("sizes", STEPS, ids=str)
def test_every_step_can_reach_the_documented_verdicts(sizes: Sizes) -> None:
    """Without a case that differs, the lower bound of a difference is -z²/(n + z²), with z = 1.645."""
    assert 1.645**2 / (sizes.edges + 1.645**2) < 0.15
    assert sizes.general >= (240 if sizes.slices else 160)


def test_a_machine_that_has_become_slower_keeps_its_tickets_and_takes_less_of_the_rest() -> None:
    assert shorten(ALL, 10.0, elapsed=60.0) == ALL
    shorter = shorten(ALL, 1.0, elapsed=60.0)
    assert shorter.tickets == ALL.tickets
    assert shorter.general < ALL.general and shorter.families < ALL.families and shorter.customers < ALL.customers


@pytest.mark.parametrize("sizes", STEPS, ids=str)
def test_a_smaller_suite_has_the_gate_lines_of_what_it_takes(tmp_path: Path, sizes: Sizes) -> None:
    setting = prepare(tmp_path / "demo")
    setting.take(sizes)
    taken = load_suites([setting.suites / name for name in FILES])
    whole = load_suites([SUITES / name for name in FILES])
    assert [len(suite.cases) for suite in taken] == [sizes.tickets, sizes.general, sizes.families * sizes.edges]
    gone = [set(all_.gate) - set(some.gate) for some, all_ in zip(taken, whole, strict=True)]
    assert [len(lines) for lines in gone] == [0, 0 if sizes.slices else 2, 3 - sizes.families]
    assert [dict(suite.params) for suite in taken] == [dict(suite.params) for suite in whole]
    if sizes == ALL:
        assert [suite.digest for suite in taken] == [suite.digest for suite in whole]


def test_what_is_left_out_is_named_with_its_numbers() -> None:
    assert ALL.fewer_than(ALL) == []
    assert SLOW[-1].fewer_than(ALL) == [
        "48 of 120 tickets",
        "160 of 400 general questions",
        "1 of 3 families of edge cases",
        "16 of 90 edge cases",
        "90 of 120 customers",
        "no lines on slices of the general questions",
    ]
