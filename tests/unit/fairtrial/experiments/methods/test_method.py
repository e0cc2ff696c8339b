"""Plan, status and page size a metric by the same question, so that they state the same number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairtrial.domain.estimates import Forecast
from fairtrial.experiments.analysis.findings import forecast, planned_size
from fairtrial.experiments.methods.method import power_of_each, question_of
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.planning.proposals import Option
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import option
from tests.fixtures.experiments.frozen_plans import (
    COST,
    ERRORS,
    LATENCY,
    RESOLVED,
    analysis_plan,
    answers,
    cost,
    latency,
    rate,
    rated,
    resolved,
)
from tests.fixtures.for_each import for_each

STATED: dict[str, Any] = {"source": "stated"}
SOLVED, SAFE = resolved(level=0.6, **STATED), rate(level=0.005, **STATED)
PLAN = analysis_plan(SOLVED, SAFE)


def planned(metric: Any, **design: Any) -> Option:
    question = question_of(metric, "user", level=metric.level)
    return option(question, Design(**{"per_week": 3000.0} | design), power_of_each(PLAN))


@for_each("per_week", [700.0, 3_000.0, 40_000.0])
def test_status_states_the_units_of_the_plan_however_fast_they_come(per_week: float) -> None:
    seen = Sums(0, {
        name: ArmSums(80, 80, {RESOLVED: answers(80, 80, 48), ERRORS: rated(80, 1)}) for name in ("base", "tuned")
    })  # fmt: skip
    stated = forecast(PLAN, "tuned", seen)
    assert isinstance(stated, Forecast)
    assert stated.needed == pytest.approx(planned(SOLVED, per_week=per_week).units, abs=1)
    assert stated.power == pytest.approx(0.9)


@for_each("metric", [SOLVED, SAFE])
def test_the_size_of_a_frozen_plan_is_that_of_the_planner(metric: Any) -> None:
    assert planned_size(PLAN, metric, "tuned") == planned(metric).units


def test_a_metric_without_a_level_or_with_unknown_variation_has_no_planned_size() -> None:
    assert planned_size(PLAN, replace(SOLVED, level=None), "tuned") is None
    assert planned_size(analysis_plan(cost()), cost(), "tuned") is None
    assert planned_size(replace(PLAN, planned_units=900.0), SOLVED, "tuned") is None


def test_each_kind_of_metric_is_a_question_of_its_own_window_and_method() -> None:
    rated_, solved = question_of(SAFE, "user", level=0.005), question_of(SOLVED, "user", level=0.6)
    assert (rated_.rate, rated_.guardrail, rated_.window_days) == (True, True, 1.0)
    assert question_of(SAFE, "request", level=0.005).window_days == 0.0
    assert (solved.rate, solved.guardrail, solved.window_days, solved.kind) == (False, False, 7.0, "superior")
    spent = question_of(cost(level=0.1, cap=None), "user", level=0.1, spread=0.05)
    assert (spent.metric, spent.cap, spent.tail, spent.sd) == (COST, 1.0, 0.01, 0.05)
    slow = question_of(latency(), "user", level=1000.0, spread=500.0)
    assert (slow.metric, slow.tau) == (LATENCY, 100.0)
    assert slow.sd is not None and 500 < slow.sd < 3_000, "a p95 varies more than a single request"


def test_a_relative_margin_adds_uncertainty_only_where_the_method_compares_with_the_level_in_the_trial() -> None:
    safe = question_of(cost(), "user", level=0.1, spread=0.05)
    primary = question_of(cost(role="primary"), "user", level=0.1, spread=0.05)
    slow = question_of(latency(), "user", level=1000.0, spread=500.0)
    assert [question.scale for question in (safe, primary, slow)] == [pytest.approx(1.2), 1.0, 1.0]


def test_a_cheaper_treatment_varies_less_and_exceeds_the_cap_less_often() -> None:
    cheaper = question_of(cost(role="primary", require="superior"), "user", level=0.1, spread=0.08)
    assert cheaper.treatment_sd == pytest.approx(0.8 * 0.08)
    assert cheaper.tail_truth is not None and cheaper.tail is not None and cheaper.tail_truth < cheaper.tail
    assert question_of(SOLVED, "user", level=0.6).treatment_sd == 0.0


@for_each("role", ["primary", "guardrail"])
def test_an_amount_is_planned_for_both_of_its_lines_together(role: str) -> None:
    question = question_of(cost(role=role), "user", level=0.1, spread=0.08)
    design = Design(per_week=1_000.0)
    both, mean = option(question, design, 0.8), option(replace(question, tail=None), design, 0.8)
    assert both.units is not None and mean.units is not None and both.units > mean.units
    assert both.mean_stop > mean.mean_stop and both.power < mean.power
