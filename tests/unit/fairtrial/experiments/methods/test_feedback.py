"""Feedback that decides: what missing values count as, and when the worst case of them must agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import UNSET

from fairtrial.domain.estimates import Estimate, Forecast, NotEnough
from fairtrial.experiments.analysis.findings import METHODS, find, forecast, level_interval
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.methods.method import question_of
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import option
from tests.fixtures.experiments.frozen_plans import RESOLVED, analysis_plan, answers, resolved
from tests.fixtures.for_each import for_each

RANDOM, WORST, OLDER = (resolved(missing=missing) for missing in ("at_random", "worst_case", UNSET))
EQUAL = answers(10_000, 9_000, 5_000), answers(10_000, 9_000, 6_000)
"""In both arms 6,000 of 10,000 are content; a thousand of them are silent in one, a thousand others in the other."""


def look(pair: tuple[Feedback, Feedback], of: MetricPlan, **more: Any) -> Finding:
    arms = {name: ArmSums(1, 1, {of.metric: feedback}) for name, feedback in zip(("base", "tuned"), pair, strict=True)}
    (finding,) = find(analysis_plan(of, **more), Sums(0, arms))
    return finding


def test_equal_arms_where_others_are_silent_are_no_difference_in_the_worst_case() -> None:
    finding, worst = look(EQUAL, RANDOM), look(EQUAL, WORST)
    assert (finding.answer, finding.bounded) == ("better", False)
    assert (worst.answer, worst.bounded) == ("cannot tell", True)
    assert finding.worst_case == worst.worst_case
    assert isinstance(worst.worst_case, Estimate) and isinstance(worst.estimate, Estimate)
    assert worst.worst_case.low < 0 < worst.worst_case.value == worst.estimate.value
    assert worst.worst_case.high == pytest.approx(0.2, abs=0.03)  # 7,000 of 10,000 against 5,000
    assert worst.worst_case.n == 20_000


def test_the_worst_case_agrees_where_nearly_all_answer() -> None:
    pair = answers(4_000, 3_920, 2_350), answers(4_000, 3_920, 2_800)
    assert look(pair, WORST).answer == "better"
    assert look(pair[::-1], WORST).answer == "worse"


def test_where_the_arms_differ_in_who_gave_feedback_the_worst_case_must_agree_whatever_is_stated() -> None:
    finding = look((answers(10_000, 6_000, 3_600), answers(10_000, 7_000, 4_900)), RANDOM)
    assert (finding.answer, finding.bounded) == ("cannot tell", True)


def test_where_less_is_better_the_worst_case_has_the_direction_of_the_metric() -> None:
    lower = replace(RANDOM, better="lower")
    mirrored, higher = look(EQUAL, lower).worst_case, look(EQUAL, RANDOM).worst_case
    assert isinstance(mirrored, Estimate) and isinstance(higher, Estimate)
    assert (mirrored.low, mirrored.high) == pytest.approx((higher.low, higher.high))
    assert look(EQUAL, lower).answer == "worse"


@for_each(("missing", "answer"), [("at_random", "harm"), ("worst_case", "cannot tell"), (UNSET, "harm")])
def test_a_guardrail_is_harmed_only_if_the_worst_case_agrees_where_the_plan_requires_it(
    missing: Any, answer: str
) -> None:
    guardrail = resolved(role="guardrail", require="not_worse", margin=0.05, pause=0.05, stop=0.05, missing=missing)
    finding = look(EQUAL[::-1], guardrail)
    assert finding.answer == answer
    assert look((answers(9_000, 8_970, 5_400),) * 2, guardrail).answer == "safe"


def test_a_rare_event_is_decided_by_its_number_and_the_worst_case() -> None:
    pair = answers(20_000, 19_000, 190), answers(20_000, 19_000, 380)
    rare = {"margin": 0.005, "level": 0.01}
    assert look(pair, resolved(missing="at_random", **rare)).answer == "better"
    assert look(pair, resolved(missing="worst_case", **rare)).answer == "cannot tell"
    all_answer = answers(20_000, 20_000, 190), answers(20_000, 20_000, 380)
    assert look(all_answer, resolved(missing="worst_case", **rare)).answer == "better"
    assert look(all_answer[::-1], resolved(missing="worst_case", **rare)).answer == "worse"


def test_the_worst_case_of_a_planned_look_is_kept_until_the_next_one() -> None:
    finding = look(EQUAL, WORST)
    planned = Latched().after(replace(finding, information=0.1), 7)
    assert planned.worst_case == finding.worst_case
    assert Latched.restored(planned.stored()) == planned
    assert Latched().after(finding, 7).worst_case is None


@for_each("require", ["superior", "not_worse"])
def test_status_states_the_units_that_the_planner_says_for_the_share_with_feedback(require: Any) -> None:
    pair = answers(1_000, 970, 582), answers(1_000, 970, 679 if require == "superior" else 582)
    metric = replace(WORST, require=require, level=0.6)
    question = question_of(replace(metric, response=0.97), "user", level=0.6)
    worst, plain = (
        option(sized, Design(per_week=2_000.0), 0.8).units for sized in (question, replace(question, response=None))
    )
    assert worst is not None and plain is not None and worst > 2 * plain
    arms = {
        name: ArmSums(1_000, 1_000, {RESOLVED: feedback})
        for name, feedback in zip(("base", "tuned"), pair, strict=True)
    }
    stated = forecast(analysis_plan(metric), "tuned", Sums(0, arms))
    assert isinstance(stated, Forecast)
    assert stated.needed == pytest.approx(worst / 0.97, abs=2)
    unknown = [
        METHODS["feedback"].needed(analysis_plan(metric_plan), metric_plan, pair)
        for metric_plan in (metric, replace(metric, missing="at_random"))
    ]
    assert unknown[0] == pytest.approx(worst / plain * unknown[1], rel=0.05), "without a level, by the variation so far"


def test_with_too_little_feedback_no_number_of_units_is_enough() -> None:
    metric = replace(WORST, response=0.9)
    needed = METHODS["feedback"].needed(analysis_plan(metric), metric, (answers(1_000, 900, 540),) * 2)
    assert isinstance(needed, NotEnough)
    planned = option(question_of(metric, "user", level=0.6), Design(per_week=2_000.0), 0.8)
    assert (planned.units, planned.weeks, planned.power) == (None, None, 0.0)


def test_a_guardrail_counts_the_units_that_the_worst_case_still_needs() -> None:
    guardrail = resolved(
        role="guardrail", require="not_worse", margin=0.05, pause=0.05, stop=0.05, missing="worst_case"
    )
    plan, method = analysis_plan(guardrail), METHODS["feedback"]
    pair = (answers(500, 495, 300),) * 2
    more = method.missing(plan, guardrail, pair)
    plain = method.missing(plan, replace(guardrail, missing="at_random"), pair)
    assert isinstance(more, int) and isinstance(plain, int)
    assert more > plain
    assert isinstance(method.missing(plan, guardrail, (answers(500, 400, 240),) * 2), NotEnough)
    assert isinstance(method.missing(plan, guardrail, (answers(0, 0, 0),) * 2), NotEnough)


def test_a_level_reaches_from_all_missing_as_no_to_all_as_yes_where_the_worst_case_must_agree() -> None:
    plain, worst = (level_interval(analysis_plan(metric), metric, EQUAL[0]) for metric in (RANDOM, WORST))
    assert isinstance(plain, Estimate) and isinstance(worst, Estimate)
    assert worst.value == plain.value == pytest.approx(5 / 9)
    assert worst.low < 0.5 < plain.low < plain.high < 0.6 < worst.high
    few = level_interval(analysis_plan(WORST), WORST, answers(10, 5, 3))
    assert isinstance(few, NotEnough)
