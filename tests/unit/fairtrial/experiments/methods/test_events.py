"""Harm by counted events is tested alone at every step, as a look tests it."""

from __future__ import annotations

from itertools import product
from math import log

import pytest

from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.methods.events import harm_only
from fairtrial.experiments.methods.finding import kill_alpha
from fairtrial.experiments.metric_plan import MetricPlan
from tests.fixtures.experiments.frozen_plans import analysis_plan, answers, cost, errors, failing, resolved, sums
from tests.fixtures.for_each import for_each


@for_each(("users", "share"), list(product(((3, 9), (0, 14), (2, 40), (40, 38)), (0.5, 0.1))))
def test_it_proves_no_more_than_a_look(users: tuple[int, int], share: float) -> None:
    plan = analysis_plan(errors(), shares={"base": 1 - share, "tuned": share})
    seen = sums(0, errors=(failing(1_000, users[0]), failing(1_000, users[1])))
    harm, (finding,) = harm_only(plan, seen), find(plan, seen)
    assert finding.log_e is not None and finding.log_kill is not None
    assert harm[finding.metric, "tuned"] <= finding.log_e - finding.log_kill
    assert (finding.log_e >= finding.log_kill) == finding.declined


def test_metrics_of_other_methods_and_arms_without_data_are_left_out() -> None:
    plan = analysis_plan(resolved(), errors(), cost())
    assert harm_only(plan, sums(0, resolved=(answers(9, 9, 9), answers(9, 9, 0)))) == {}
    assert harm_only(plan, sums(0, errors=(failing(9, 0), None))) == {}


def test_below_five_events_there_is_no_evidence() -> None:
    assert harm_only(analysis_plan(errors()), sums(0, errors=(failing(900, 0), failing(900, 4)))) == {}


def test_a_control_without_errors_is_decidable() -> None:
    (beyond,) = harm_only(analysis_plan(errors()), sums(0, errors=(failing(900, 0), failing(900, 14)))).values()
    assert beyond >= 0


@for_each(
    ("metric", "halved"),
    [
        (errors(), False),
        (cost(), True),
    ],
)
def test_two_tests_of_one_guardrail_share_its_alpha(metric: MetricPlan, halved: bool) -> None:
    plan = analysis_plan(metric)
    assert kill_alpha(plan, metric) == (0.025 if halved else 0.05)


def test_the_alpha_of_a_kill_is_divided_by_guardrails_and_treatments() -> None:
    shares = {"base": 0.4, "tuned": 0.3, "larger": 0.3}
    plan = analysis_plan(errors(), cost(), shares=shares)
    seen = sums(0, errors=(failing(900, 9), failing(900, 9), failing(900, 9)))
    stops_at = [finding.log_kill for finding in find(plan, seen) if finding.log_kill is not None]
    assert stops_at == [pytest.approx(log(80))] * 2
