"""Rates of requests: pause, kill and safe by each unit's share of bad requests, and the request-weighted line."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import Any

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis.findings import METHODS, find, level_interval
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, Sums, restored, stored
from fairtrial.stats.sequential.request_errors import ErrorShares, RequestErrors
from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.stats.sums import JointMoments
from tests.fixtures.experiments.frozen_plans import ERRORS, analysis_plan, heavy, metric, rate, rated
from tests.fixtures.for_each import for_each

RATE = rate()
SCHEMA = metric("requests.schema_valid_rate", "shares", cap=50.0, better="higher", pause=0.0, stop=0.01)


def look(
    control: RequestErrors, treatment: RequestErrors, of: MetricPlan = RATE, *, rules: int = 4, **more: Any
) -> Finding:
    arms = {name: ArmSums(1, 1, {of.metric: errors}) for name, errors in (("base", control), ("tuned", treatment))}
    (finding,) = find(analysis_plan(of, rules=rules, **more), Sums(0, arms))
    return finding


def test_a_flawless_pair_is_safe_after_600_units_and_not_after_400() -> None:
    assert look(rated(600, 0), rated(600, 0)).answer == "safe"
    assert look(rated(400, 0), rated(400, 0)).answer == "cannot tell"


def test_a_decline_pauses_before_harm_beyond_the_margin_is_proven() -> None:
    finding = look(rated(400, 4), rated(400, 20))
    assert (finding.declined, finding.answer) == (True, "cannot tell")
    worse = look(rated(1_000, 10), rated(1_000, 50))
    assert (worse.declined, worse.answer) == (True, "harm")
    assert worse.log_harm is not None and worse.log_kill is not None and worse.log_harm >= worse.log_kill


def test_a_proven_decline_within_the_margin_pauses_and_is_safe_and_does_not_kill() -> None:
    wide = replace(RATE, margin=0.02, stop=0.02)
    finding = look(rated(20_000, 0), rated(20_000, 290), wide)  # 1.45 % against 0 %
    assert (finding.answer, finding.declined) == ("safe", True)
    assert look(rated(20_000, 0), rated(20_000, 290)).answer == "harm", "with a margin of one point"


def begun(units: int, bad: int) -> RequestErrors:
    """Units with one request each, of none of which the first hour is over."""
    errors = rated(units, bad)
    assert errors.shares is not None
    none = UnitShares.none()
    return replace(errors, shares=ErrorShares(none, none, JointMoments.of([], []), first=errors.shares.hour))


def test_first_requests_prove_harm_before_any_hour_is_over() -> None:
    finding = look(begun(60, 1), begun(60, 15), rules=7)
    assert (finding.declined, finding.answer) == (True, "harm")
    assert look(begun(60, 1), begun(60, 3), rules=7).answer == "cannot tell"


def test_the_evidence_that_stops_is_the_mean_of_that_by_hour_and_by_first_request() -> None:
    def with_first(units: int, bad: int) -> RequestErrors:
        errors = rated(units, bad)
        assert errors.shares is not None
        return replace(errors, shares=replace(errors.shares, first=UnitShares.none()))

    by_hour = look(rated(400, 4), rated(400, 40)).log_harm
    both = look(with_first(400, 4), with_first(400, 40), rules=7).log_harm
    assert by_hour is not None and both is not None
    assert exp(both) == pytest.approx((exp(by_hour) + 1) / 2)


@for_each(("plan", "fails"), [({}, 11), ({"shares": {"base": 0.9, "tuned": 0.1}}, 5)])
def test_a_dead_arm_is_stopped_by_a_few_of_its_units_before_any_hour_is_over(plan: dict[str, Any], fails: int) -> None:
    def at(users: int) -> Finding:
        return look(RequestErrors.of([0.0] * 30, [1.0] * 30), RequestErrors.of([1.0] * users, [1.0] * users), **plan)

    assert at(fails).declined
    assert not at(fails - 1).declined
    assert at(fails).answer == "cannot tell", "harm beyond the margin waits for the units' own hour"


def test_three_guardrails_stop_a_dead_arm_by_its_fourteenth_unit() -> None:
    metrics = [replace(RATE, metric=name) for name in (ERRORS, "requests.attempt_error_rate", "requests.rejected_rate")]
    dead = RequestErrors.of([1.0] * 14, [1.0] * 14)
    fine = RequestErrors.of([0.0] * 14, [1.0] * 14)
    arms = {"base": ArmSums(14, 14, {ERRORS: fine}), "tuned": ArmSums(14, 14, {ERRORS: dead})}
    findings = find(analysis_plan(*metrics), Sums(0, arms))
    assert [finding.declined for finding in findings] == [True, False, False]


def test_many_requests_of_few_units_are_harm_by_request_and_veto_a_release() -> None:
    finding = look(heavy(20_000, 0.01, 0.01), heavy(20_000, 0.01, 0.30, seed=4))
    assert isinstance(finding.weighed, Estimate) and isinstance(finding.estimate, Estimate)
    assert finding.weighed.value == pytest.approx(0.23, abs=0.03)  # 200 of 249 requests are theirs
    assert finding.estimate.value == pytest.approx(0.0058, abs=0.003)
    assert finding.vetoed
    assert not look(heavy(20_000, 0.01, 0.01), heavy(20_000, 0.01, 0.01, seed=4)).vetoed


def test_sixty_requests_a_unit_hide_no_doubling_of_errors() -> None:
    rng = np.random.default_rng(5)

    def drawn(rate: float) -> RequestErrors:
        failed, sent = rng.binomial(60, rate, 2_000).astype(float), np.full(2_000, 60.0)
        shares = UnitShares.of(failed, sent, luck=rng.random(2_000))
        errors = RequestErrors.of(failed, sent, cap=60.0)
        return replace(errors, shares=ErrorShares(shares, shares, errors.requests))

    assert look(drawn(0.05), drawn(0.10)).answer == "harm"
    equal = look(drawn(0.05), drawn(0.05))
    assert (equal.answer, equal.declined) == ("safe", False)


def test_a_relative_margin_needs_no_level() -> None:
    relative = replace(RATE, margin=0.5, relative=True, stop=0.5, stop_relative=True)
    assert look(rated(20_000, 400), rated(20_000, 410), relative).answer == "safe"
    assert look(rated(20_000, 400), rated(20_000, 900), relative).answer == "harm"
    assert look(rated(400, 8), rated(400, 8), relative).answer == "cannot tell"


def test_a_rate_of_good_requests_is_shown_in_its_own_direction() -> None:
    finding = look(rated(2_000, 10), rated(2_000, 120), SCHEMA)
    assert finding.answer == "harm"
    assert finding.control is not None and finding.treatment is not None
    assert finding.control == pytest.approx(0.995) and finding.treatment == pytest.approx(0.94)
    assert isinstance(finding.estimate, Estimate) and finding.estimate.value == pytest.approx(-0.055)


@for_each(
    ("require", "pair", "answer"),
    [
        ("superior", (60, 20), "better"),
        ("superior", (20, 60), "worse"),
        ("superior", (40, 40), "cannot tell"),
        ("not_worse", (20, 22), "not worse"),
        ("not_worse", (20, 120), "worse"),
    ],
)
def test_a_rate_as_the_primary_metric(require: Any, pair: tuple[int, int], answer: str) -> None:
    primary = replace(RATE, role="primary", require=require, margin=0.01, pause=None, stop=0.0)
    assert look(rated(2_500, pair[0]), rated(2_500, pair[1]), primary).answer == answer


def test_before_any_window_is_complete_nothing_is_safe_and_the_reason_is_stated() -> None:
    finding = look(RequestErrors.of([0.0], [1.0]), RequestErrors.of([0.0], [1.0]))
    assert finding.answer == "cannot tell" and "complete window" in finding.why


@for_each(("bad", "units", "most"), [(0, 600, 0.0112), (0, 1_507, 0.0048)])
def test_a_level_has_a_bound_even_without_a_single_error(bad: int, units: int, most: float) -> None:
    interval = level_interval(analysis_plan(RATE), RATE, rated(units, bad))
    assert isinstance(interval, Estimate)
    assert (interval.value, interval.low, interval.high) == (0.0, 0.0, pytest.approx(most, abs=5e-5))
    missing = level_interval(analysis_plan(RATE), RATE, RequestErrors.of([0.0], [1.0]))
    assert isinstance(missing, NotEnough)


def test_a_second_attempt_needs_more_for_safety_and_not_for_a_stop() -> None:
    first, second = (look(rated(600, 0), rated(600, 0), attempt=number) for number in (1, 3))
    assert (first.answer, second.answer) == ("safe", "cannot tell")
    assert first.log_kill == second.log_kill == pytest.approx(-log(0.05))


def test_missing_units_are_those_that_prove_it_safe() -> None:
    plan, pair = analysis_plan(RATE), (rated(300, 0), rated(300, 0))
    missing = METHODS["shares"].missing(plan, RATE, pair)
    assert isinstance(missing, int)
    enough = (600 + missing + 1) // 2
    assert look(rated(enough, 0), rated(enough, 0)).answer == "safe"
    assert look(rated(enough - 3, 0), rated(enough - 3, 0)).answer == "cannot tell"
    assert isinstance(METHODS["shares"].missing(plan, RATE, (rated(300, 0), rated(300, 9))), NotEnough)


def test_the_sums_with_shares_are_stored_and_restored() -> None:
    errors = rated(50, 3, requests=4)
    assert restored("shares", stored(errors)) == errors
    assert "shares" not in stored(RequestErrors.of([0.0], [1.0]))
