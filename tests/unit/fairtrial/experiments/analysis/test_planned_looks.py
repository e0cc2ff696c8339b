"""Planned looks are made once a week, or at tenths of the planned units, and keep their error and power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate
from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.decision.decide import look
from fairtrial.experiments.monitor import Circumstances, Step, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sums import Moments
from tests.fixtures.experiments.planned import PLAN, PLANNED, RESOLVED

WEEKLY = replace(PLAN, rules=7, min_days=14.0)


def sums(base: int, of_base: int, tuned: int, of_tuned: int, *, at_us: int = 1) -> Sums:
    arms = {}
    for name, yes, of in (("base", base, of_base), ("tuned", tuned, of_tuned)):
        arms[name] = ArmSums(of, of, {RESOLVED: Feedback(of, Moments(of, yes, yes), 3600.0)})
    return Sums(at_us, arms)


def decided(rng: np.random.Generator, rates: tuple[float, float]) -> tuple[str, float]:
    """The answer of a trial whose monitor steps every 37 units of an arm, and the share of the planned units then."""
    memory, yes, of = Memory(), [0, 0], [0, 0]
    while of[0] + of[1] < 1.2 * PLANNED:
        for arm in (0, 1):
            yes[arm] += int(rng.binomial(37, rates[arm]))
            of[arm] += 37
        now = sums(yes[0], of[0], yes[1], of[1])
        memory = memory.after(PLAN, now, find(PLAN, now, memory.looked(RESOLVED)))
        if memory.latched[RESOLVED, "tuned"].answer != "cannot tell":
            break
    return memory.latched[RESOLVED, "tuned"].answer, (of[0] + of[1]) / PLANNED


def test_a_look_is_made_once_at_each_tenth_and_none_after_the_whole() -> None:
    memory, shares = Memory(), []
    for share in (0.05, 0.12, 0.15, 0.19, 0.31, 0.32, 0.99, 1.03, 1.2, 2.0):
        half = round(share * PLANNED / 2)
        now = sums(half // 2, half, half // 2, half)
        findings = find(PLAN, now, memory.looked(RESOLVED))
        shares.append(findings[0].information)
        memory = memory.after(PLAN, now, findings)
    made = [share for share in shares if share is not None]
    assert made == pytest.approx([0.12, 0.31, 0.99, 1.03], abs=0.01)
    assert memory.latched[RESOLVED, "tuned"].times == tuple(made)
    assert find(PLAN, now, memory.looked(RESOLVED))[0].why == "all of the 10 planned looks were made"


def test_between_looks_it_says_when_the_next_one_is() -> None:
    findings = find(PLAN, sums(10, 20, 10, 20))
    assert findings[0].why.startswith("look 1 of 10 is planned at ") and findings[0].answer == "cannot tell"


@pytest.mark.release("simulations")
def test_equal_arms_differ_in_at_most_5_percent_and_the_power_is_that_of_the_plan() -> None:
    rng = np.random.default_rng(20261126)
    same = [decided(rng, (0.6, 0.6))[0] for _ in range(600)]
    wrong = sum(answer != "cannot tell" for answer in same) / 600
    assert wrong <= 0.05 + 2 * (0.05 * 0.95 / 600) ** 0.5
    better = [decided(rng, (0.6, 0.7)) for _ in range(600)]
    power = sum(answer == "better" for answer, _ in better) / 600
    assert power >= 0.8 - 2 * (0.8 * 0.2 / 600) ** 0.5
    assert np.mean([share for _, share in better]) < 0.9


def test_the_interval_of_a_planned_look_is_never_intersected_with_always_valid_ones() -> None:
    half = round(PLANNED / 2)
    now = sums(round(0.6 * half), half, round(0.75 * half), half)
    findings = find(PLAN, now)
    assert isinstance(findings[0].estimate, Estimate) and not findings[0].estimate.always_valid
    assert findings[0].answer == "better"
    memory = Memory().after(PLAN, now, findings)
    assert memory.latched[RESOLVED, "tuned"].running.looks == 0
    assert find(replace(PLAN, planned_units=None), now)[0].information is None


def stepped(memory: Memory, weeks: float, share: float, *, rates: tuple[float, float] = (0.6, 0.6)) -> Step:
    """One step of the monitor after so many weeks, with this share of the planned units."""
    half, at_us = round(share * PLANNED / 2), round(weeks * WEEK_US)
    now = sums(round(rates[0] * half), half, round(rates[1] * half), half, at_us=at_us)
    return step(WEEKLY, memory, now, Circumstances(at_us, 100.0, 0))


def shares_of(memory: Memory) -> tuple[float, ...]:
    return memory.latched[RESOLVED, "tuned"].times


def test_a_look_is_made_once_in_each_week_whatever_the_traffic() -> None:
    memory, made = Memory(), []
    for weeks, share in ((0.5, 0.1), (1.001, 0.2), (1.5, 0.3), (1.9, 0.6), (2.0, 0.61), (4.2, 0.8), (4.9, 0.9)):
        memory = stepped(memory, weeks, share).memory
        made.append(len(shares_of(memory)))
    assert made == [0, 1, 1, 1, 2, 3, 3]
    assert shares_of(memory) == pytest.approx((0.2, 0.61, 0.8), abs=0.01)


def test_a_look_is_due_by_the_clock_when_no_new_data_come() -> None:
    memory = stepped(Memory(), 1.99, 0.4).memory
    before = len(shares_of(memory))
    after = stepped(memory, 2.0, 0.4)
    assert (before, len(shares_of(after.memory))) == (1, 1)  # nothing is new since, so nothing is spent
    memory = stepped(Memory(), 0.99, 0.4).memory
    assert stepped(memory, 1.0, 0.4).findings and shares_of(stepped(memory, 1.0, 0.4).memory) != ()


def test_the_look_at_the_end_spends_all_that_is_left_and_its_answer_counts_at_once() -> None:
    memory = stepped(Memory(), 5.0, 0.4, rates=(0.6, 0.72)).memory
    assert memory.latched[RESOLVED, "tuned"].answer == "cannot tell"
    last = stepped(memory, 6.0, 0.5, rates=(0.6, 0.72))
    assert last.verdict is not None and last.verdict.do == "end"
    primary = last.decisions["tuned"].primary
    assert primary is not None and (primary.answer, primary.planned_look) == ("better", 2)
    assert primary.counts_us == 6 * WEEK_US and primary.next_look == "all planned looks were made"
    early = stepped(memory, 5.9, 0.5, rates=(0.6, 0.72)).memory
    assert early.latched[RESOLVED, "tuned"].answer == "cannot tell"


def test_the_last_look_is_made_although_no_unit_has_come_since_the_one_before() -> None:
    memory = stepped(Memory(), 5.0, 0.5, rates=(0.6, 0.72)).memory
    assert memory.latched[RESOLVED, "tuned"].answer == "cannot tell"
    last = stepped(memory, 6.0, 0.5, rates=(0.6, 0.72)).decisions["tuned"].primary
    assert last is not None and last.answer == "better"


def test_the_look_at_the_end_is_made_once_while_a_held_clock_delays_the_end() -> None:
    memory = stepped(Memory(), 5.0, 0.4).memory
    memory = stepped(memory, 6.0, 0.5).memory
    assert memory.latched[RESOLVED, "tuned"].answer == "cannot tell"
    later = stepped(memory, 7.0, 0.9, rates=(0.6, 0.8))
    assert shares_of(later.memory) == shares_of(memory)
    assert later.memory.latched[RESOLVED, "tuned"].answer == "cannot tell"


def test_an_end_that_is_brought_forward_into_the_past_still_has_its_last_look() -> None:
    memory = stepped(Memory(), 5.1, 0.5, rates=(0.6, 0.72)).memory
    assert memory.latched[RESOLVED, "tuned"].answer == "cannot tell"
    half, at_us = round(0.25 * PLANNED), round(5.2 * WEEK_US)
    now = sums(round(0.6 * half), half, round(0.72 * half), half, at_us=at_us)
    last = step(replace(WEEKLY, max_weeks=5), memory, now, Circumstances(at_us, 100.0, 0))
    assert last.memory.latched[RESOLVED, "tuned"].answer == "better"
    assert last.verdict is not None and last.verdict.do == "end"


def test_after_all_planned_units_there_is_no_further_look() -> None:
    memory = stepped(Memory(), 2.0, 1.1).memory
    later = stepped(memory, 3.0, 2.0, rates=(0.6, 0.8))
    assert shares_of(later.memory) == pytest.approx((1.1,), abs=0.01)
    primary = later.decisions["tuned"].primary
    assert primary is not None and primary.answer == "undecided" and primary.next_look == "all planned looks were made"


def test_between_weekly_looks_the_next_ones_day_is_stated_and_the_last_interval_stays() -> None:
    memory = stepped(Memory(), 2.0, 0.5).memory
    primary = stepped(memory, 2.5, 0.7).decisions["tuned"].primary
    assert primary is not None and primary.look == primary.interval is not None
    assert primary.next_look.startswith("the next planned look is at the end of week 3, on ")


def test_the_looks_repeat_from_their_sums_alone() -> None:
    memory, made = Memory(), []
    for weeks, share in ((1.0, 0.1), (1.5, 0.2), (2.1, 0.4), (3.0, 0.4), (6.0, 0.5)):
        half, at_us = round(share * PLANNED / 2), round(weeks * WEEK_US)
        made.append(sums(round(0.6 * half), half, round(0.72 * half), half, at_us=at_us))
        memory = step(WEEKLY, memory, made[-1], Circumstances(at_us, 100.0, 0)).memory
    repeated = Memory()
    for now in made:
        repeated = repeated.after(WEEKLY, now, look(WEEKLY, repeated, now))
    assert repeated.latched == memory.latched and memory.latched[RESOLVED, "tuned"].answer == "better"


@pytest.mark.release("simulations")
def test_weekly_looks_at_any_traffic_err_in_at_most_5_percent() -> None:
    rng, wrong, trials = np.random.default_rng(48), 0, 200
    for _ in range(trials):
        weekly, memory, yes, of = rng.uniform(0.02, 0.5) * PLANNED / 2, Memory(), [0, 0], 0
        for week in range(1, 7):
            new = int(rng.poisson(weekly))
            yes, of = [total + int(rng.binomial(new, 0.6)) for total in yes], of + new
            now = sums(yes[0], of, yes[1], of, at_us=week * WEEK_US)
            memory = step(WEEKLY, memory, now, Circumstances(now.at_us, 100.0, 0)).memory
        wrong += memory.latched[RESOLVED, "tuned"].answer != "cannot tell"
    assert wrong / trials <= 0.05 + 2 * (0.05 * 0.95 / trials) ** 0.5
