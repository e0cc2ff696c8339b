"""Better passes after two whole weeks, unless the effect fades; each report says what the weeks show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fairtrial.domain.decision.values import Decision, EffectOverTime, PrimaryDecision
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.box import result_box
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.decision.effects import LiveState, effects
from fairtrial.experiments.decision.situation import Situation
from fairtrial.experiments.sums import ArmSums, Level, OverTime, Sums
from tests.fixtures.experiments.box_text import text_of
from tests.fixtures.experiments.reported_looks import (
    DAY_US,
    RESOLVED,
    START,
    analysis_plan,
    arm,
    sums as reported_sums,
    with_weeks,
)

BASE, TUNED = arm(2000, 1000), arm(2000, 1200)
STEADY = (0.1, 0.1)


def plan(**more: object) -> AnalysisPlan:
    return analysis_plan(**{"metrics": (RESOLVED,), "rules": 6, "min_days": 14.0} | more)


def sums(apart: Sequence[float | None], days: float = 14.0, treated: ArmSums = TUNED) -> Sums:
    """Arms with these differences in each week, and their sums over all weeks."""
    return reported_sums(days, *with_weeks(BASE, treated, *apart))


def decided(of: AnalysisPlan, read_sums: Sums) -> Decision:
    findings = find(of, read_sums)
    memory = Memory().after(of, read_sums, findings)
    return decide(Looked(plan=of, memory=memory, findings=findings, sums=read_sums))["tuned"]


def primary(of: AnalysisPlan, read_sums: Sums) -> PrimaryDecision:
    primary_decision = decided(of, read_sums).primary
    assert primary_decision is not None
    return primary_decision


def box_text(of: AnalysisPlan, read_sums: Sums) -> str:
    now = Situation(now_us=read_sums.at_us, state="running", last=None, stage=100.0, stage_since_us=START)
    return text_of(result_box(of, {"tuned": decided(of, read_sums)}, now))


@pytest.mark.parametrize(
    ("apart", "passes"),
    [
        (STEADY, True),
        ((0.1, 0.07), True),
        ((0.1, 0.06), False),
        ((0.1, 0.0), False),
        ((0.12, 0.03), False),
        ((0.12, -0.001), False),
        ((0.04, 0.1), True),
        ((0.12, 0.1, 0.08, 0.08), True),
        ((0.1, 0.1, -0.01), False),
        ((0.1, None), False),
        ((0.1, None, 0.1), True),
        ((None, None), False),
    ],
)
def test_better_passes_if_neither_the_last_week_nor_the_week_after_next_by_the_line_is_worse(
    apart: Sequence[float | None], passes: bool
) -> None:
    read_sums = sums(apart, days=7.0 * len(apart))
    primary_decision = primary(plan(), read_sums)
    assert (primary_decision.answer, primary_decision.meets, primary_decision.counts(read_sums.at_us)) == (
        "better",
        True,
        passes,
    )


def test_nothing_passes_before_two_whole_weeks() -> None:
    read_sums = sums((0.1,), days=13.9)
    assert not primary(plan(), read_sums).counts(read_sums.at_us)
    assert not primary(plan(), read_sums).counts(START + 15 * DAY_US), "the second week has not been looked at"
    early = sums((0.1,), days=7.0)
    assert not primary(plan(), early).counts(early.at_us)
    assert primary(plan(min_days=7.0), early).counts(early.at_us)


def test_what_can_be_seen_counts_for_a_plan_that_may_pass_earlier() -> None:
    faded = sums((0.12, -0.01))
    assert not primary(plan(min_days=0.0), faded).counts(faded.at_us)


def test_not_worse_does_not_need_an_effect_that_stays() -> None:
    read_sums = sums((0.12, -0.01))
    primary_decision = primary(plan(metrics=(replace(RESOLVED, require="not_worse"),)), read_sums)
    assert isinstance(primary_decision.over_time, EffectOverTime) and primary_decision.over_time.fades
    assert primary_decision.answer == "better" and primary_decision.counts(read_sums.at_us)


def test_lower_is_better_for_a_metric_that_says_so() -> None:
    lower = plan(metrics=(replace(RESOLVED, better="lower"),))
    read_sums = sums((-0.1, -0.1), treated=arm(2000, 800))
    assert primary(lower, read_sums).counts(read_sums.at_us)
    read_sums = sums((-0.12, 0.01), treated=arm(2000, 800))
    assert not primary(lower, read_sums).counts(read_sums.at_us)
    assert "HOLD: the effect fades: 12 points better in week 1, 1 point worse in week 2." in box_text(lower, read_sums)


def test_the_line_is_weighted_by_the_units_of_each_week() -> None:
    (base, tuned) = sums((0.1, 0.1, 0.1)).arms.values()
    few = OverTime((Level(1000, 0.6, 1e-4), Level(1000, 0.6, 1e-4), Level(5, 0.0, 0.0)), (None,) * 3)
    read_sums = Sums(START + 21 * DAY_US, {"base": base, "tuned": replace(tuned, over_time=few)})
    over_time = primary(plan(), read_sums).over_time
    assert isinstance(over_time, EffectOverTime) and over_time.week_after_next is not None
    assert 0 < over_time.week_after_next < 0.1 and over_time.fades, "the last week is below 0, though it says little"


def test_what_fades_is_stated_with_its_numbers() -> None:
    text = box_text(plan(), sums((0.12, -0.01)))
    assert text.startswith("HOLD: the effect of tuned on feedback.resolved fades.")
    assert "Better so far. HOLD: the effect fades: 12 points better in week 1, 1 point worse in week 2." in text
    assert "1: 12 points better (7.7 to 16.3 points, 2,000 users); 2: 1 point worse (−5.4 to 3.4 points" in text
    assert "By week since a user's first request: 1: 12 points better" in text
    line = box_text(plan(), sums((0.12, 0.02)))
    assert "2 points better in week 2; a straight line leads to 18 points worse in the week after next." in line
    assert "Decided: better, as planned." in box_text(plan(), sums(STEADY))


def test_a_plan_that_may_pass_early_says_that_fading_is_not_seen() -> None:
    assert "It may decide after 7 days (min_days), so a fading effect can't be seen." in box_text(
        plan(min_days=7.0), sums(())
    )
    both = "so it may not have seen every day of the week and a fading effect can't be seen."
    assert both in box_text(plan(min_days=1.0), sums(()))
    assert "can't be seen" not in box_text(plan(), sums(STEADY))


def test_a_release_says_that_it_fades_and_shows_the_weeks() -> None:
    read_sums = sums((0.12, -0.01))
    live = LiveState(name="tuned-vs-base", variant="tuned", state="running", now_us=read_sums.at_us)
    shown = {effect.kind: effect.says for effect in effects(plan(), decided(plan(), read_sums), live)}
    assert "(HOLD: the effect fades: 12 points better in week 1" in shown["answer"]
    assert shown["over time"].startswith("feedback.resolved: tuned, by week of the experiment: 1: 12 points better")


def test_a_whole_week_makes_a_look_due() -> None:
    read_sums = sums((0.1,), days=13.9)
    memory = Memory().after(plan(), read_sums, find(plan(), read_sums))
    assert not memory.is_due(replace(read_sums, at_us=read_sums.at_us + 1))
    assert memory.is_due(replace(sums(STEADY), at_us=read_sums.at_us + 1))
