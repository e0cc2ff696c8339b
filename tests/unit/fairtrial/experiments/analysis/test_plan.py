"""What a frozen plan may spend, and the numbers that follow from its margins."""

from __future__ import annotations

import msgspec
import pytest

from fairtrial.domain.settings import Enrolment
from fairtrial.experiments.analysis_plan import AnalysisPlan
from tests.fixtures.experiments.frozen_plans import analysis_plan, cost, errors, latency, resolved

THREE = {"base": 0.5, "tuned": 0.25, "larger": 0.25}


@pytest.mark.parametrize("attempt", [1, 2, 3, 10])
def test_each_attempt_has_half_the_alpha_of_the_one_before(attempt: int) -> None:
    plan = analysis_plan(resolved(), errors(), attempt=attempt)
    assert plan.alpha_attempt == plan.alpha_primary == pytest.approx(0.05 / 2 ** (attempt - 1))


def test_any_number_of_attempts_spends_at_most_twice_the_alpha() -> None:
    spent = sum(analysis_plan(resolved(), attempt=attempt).alpha_primary for attempt in range(1, 50))
    assert 0.0999 < spent <= 0.1


def test_treatments_share_the_alpha_of_the_primary_metric_and_all_kills_theirs() -> None:
    plan = analysis_plan(resolved(), errors(), cost(), shares=THREE)
    assert plan.alpha_primary == 0.025
    assert plan.alpha_kill == 0.05 / 4


def test_a_kill_costs_the_same_in_every_attempt() -> None:
    assert analysis_plan(errors(), attempt=3).alpha_kill == 0.05


def test_the_share_of_a_treatment_is_that_of_the_two_compared_arms() -> None:
    assert analysis_plan(shares=THREE).share_of("tuned") == pytest.approx(1 / 3)


def test_tau_is_the_margin_and_for_quantiles_a_tenth_of_the_level() -> None:
    assert errors(margin=0.02).tau == 0.02
    assert cost(margin=0.2, level=0.5).tau == pytest.approx(0.1)
    assert latency(level=800.0).tau == 80.0


def test_without_a_level_there_is_no_tau_for_what_is_relative_to_it() -> None:
    for metric in (cost(level=None), latency(level=None)):
        assert metric.needs_level
        assert metric.tau is None
        assert metric.margin_on_scale is None
        assert metric.measures_level
    assert cost(level=None).stop_on_scale is None
    assert not errors().needs_level


def test_a_level_counts_as_measured_if_units_were_used_for_it() -> None:
    assert not cost().measures_level
    assert cost(from_us=5).measures_level


def test_a_plan_survives_the_json_of_the_api() -> None:
    plan = analysis_plan(resolved(), cost(), latency())
    answer = msgspec.json.encode(plan.stored())
    assert AnalysisPlan.restored(msgspec.json.decode(answer)) == plan


def test_a_plan_survives_being_stored() -> None:
    plan = analysis_plan(
        resolved(), errors(), cost(), latency(), shares=THREE, enrolment=Enrolment((50.0, 100.0), approve=(50.0,))
    )
    assert AnalysisPlan.restored(plan.stored()) == plan
