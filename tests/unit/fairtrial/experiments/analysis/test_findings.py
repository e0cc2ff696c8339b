"""What one look shows, by each method of the frozen plan."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.findings import UNKNOWN_LEVEL, Finding, find, level_of
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.amounts import SHARED
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, MetricSums, Sums
from tests.fixtures.experiments.frozen_plans import (
    ERRORS,
    RESOLVED,
    WEEK,
    analysis_plan,
    answers,
    cost,
    errors,
    failing,
    latency,
    metric,
    resolved,
    spent,
    sums,
    waited,
)

THREE = {"base": 0.4, "tuned": 0.3, "larger": 0.3}


def only_finding(plan: AnalysisPlan, seen: Sums) -> Finding:
    (finding,) = find(plan, seen)
    return finding


def of(metric: MetricPlan, pair: tuple[MetricSums, MetricSums], **more: Any) -> Finding:
    """The finding of one metric."""
    arms = {
        name: ArmSums(1_000, 1_000, {metric.metric: each}) for name, each in zip(("base", "tuned"), pair, strict=True)
    }
    return only_finding(analysis_plan(metric, **more), Sums(0, arms))


@pytest.mark.parametrize(
    ("yes", "answer"), [(1_200, "cannot tell"), (1_450, "better"), (950, "worse"), (1_210, "cannot tell")]
)
def test_a_primary_metric_of_feedback_is_better_worse_or_unknown(yes: int, answer: str) -> None:
    finding = of(resolved(), (answers(2_000, 2_000, 1_200), answers(2_000, 2_000, yes)))
    assert finding.answer == answer
    assert isinstance(finding.estimate, Estimate)
    assert finding.estimate.value == pytest.approx((yes - 1_200) / 2_000)
    assert (finding.control, finding.treatment) == (0.6, yes / 2_000)


@pytest.mark.parametrize(("better", "answer"), [("higher", "better"), ("lower", "worse")])
def test_the_direction_of_a_feedback_turns_the_answer_and_not_the_estimate(better: Any, answer: str) -> None:
    finding = of(resolved(better=better), (answers(2_000, 2_000, 1_000), answers(2_000, 2_000, 1_400)))
    assert finding.answer == answer
    assert isinstance(finding.estimate, Estimate) and finding.estimate.low > 0


def test_missing_feedback_that_could_reverse_it_leaves_it_open() -> None:
    finding = of(resolved(response=0.8), (answers(4_000, 3_600, 2_000), answers(4_000, 2_400, 1_800)))
    assert finding.answer == "cannot tell"


def test_a_primary_metric_that_must_not_be_worse_is_shown_to_be_so() -> None:
    plan = resolved(require="not_worse", margin=0.05)
    assert of(plan, (answers(8_000, 8_000, 4_800), answers(8_000, 8_000, 4_790))).answer == "not worse"
    assert of(plan, (answers(400, 400, 240), answers(400, 400, 240))).answer == "cannot tell"


@pytest.mark.parametrize(
    ("failed", "answer"), [((300, 100), "better"), ((100, 300), "worse"), ((100, 100), "cannot tell")]
)
def test_a_primary_share_of_requests_counts_bad_ones(failed: tuple[int, int], answer: str) -> None:
    plan = errors(role="primary", require="superior", margin=0.02, cap=3.0)
    pair = failing(4_000, failed[0], requests=3, cap=3), failing(4_000, failed[1], requests=3, cap=3)
    assert of(plan, pair).answer == answer


def test_a_share_of_good_requests_is_shown_as_such() -> None:
    plan = metric("requests.schema_valid_rate", "events", better="higher", role="primary", require="superior", cap=1.0)
    finding = of(plan, (failing(4_000, 400, cap=1), failing(4_000, 40, cap=1)))
    assert finding.answer == "better"
    assert (finding.control, finding.treatment) == (pytest.approx(0.9), pytest.approx(0.99))
    assert isinstance(finding.estimate, Estimate) and finding.estimate.value == pytest.approx(0.09)


def test_a_primary_amount_and_a_primary_quantile_are_better_if_lower() -> None:
    dear = spent(3_000, mean=0.1), spent(3_000, mean=0.08, seed=2)
    assert of(cost(role="primary", require="superior"), dear).answer == "better"
    slow = waited(8_000), waited(8_000, scale=1.3, seed=2)
    assert of(latency(role="primary", require="superior"), slow).answer == "worse"


def test_errors_do_harm_by_users_and_are_safe_by_requests() -> None:
    assert of(errors(), (failing(900, 9), failing(900, 40))).answer == "harm"
    assert of(errors(), (failing(9_000, 90, requests=20), failing(9_000, 92, requests=20))).answer == "safe"
    assert of(errors(), (failing(900, 9), failing(900, 9))).answer == "cannot tell"


def test_harm_has_evidence() -> None:
    finding = of(errors(), (failing(900, 9), failing(900, 60)))
    assert finding.log_e is not None and finding.log_kill is not None and finding.log_e > finding.log_kill


@pytest.mark.parametrize(
    ("mean", "above", "answer"), [(0.1, 0, "safe"), (0.15, 0, "harm"), (0.1, 90, "harm"), (0.115, 0, "cannot tell")]
)
def test_a_cost_does_harm_by_its_mean_or_by_the_share_above_the_cap(mean: float, above: int, answer: str) -> None:
    pair = spent(3_000), spent(3_000, mean=mean, above=above, seed=2)
    assert of(cost(), pair).answer == answer


@pytest.mark.parametrize(("scale", "answer"), [(1.0, "safe"), (1.6, "harm")])
def test_a_quantile_is_safe_or_does_harm(scale: float, answer: str) -> None:
    assert of(latency(), (waited(9_000), waited(9_000, scale=scale, seed=2))).answer == answer


def test_arms_on_one_engine_can_show_latency_harm_and_never_safety() -> None:
    same = waited(9_000), waited(9_000, seed=2)
    finding = of(latency(), same, shared_engine=True)
    assert (finding.answer, finding.why) == ("cannot tell", SHARED)
    slow = waited(9_000), waited(9_000, scale=1.6, seed=2)
    assert of(latency(), slow, shared_engine=True).answer == "harm"


@pytest.mark.parametrize(("scale", "alone"), [(1.0, "not worse"), (0.6, "better"), (1.6, "worse")])
def test_a_primary_latency_on_one_engine_can_only_be_worse(scale: float, alone: str) -> None:
    primary = latency(role="primary")
    pair = waited(9_000), waited(9_000, scale=scale, seed=2)
    assert of(primary, pair).answer == alone
    finding = of(primary, pair, shared_engine=True)
    assert (finding.answer, finding.why) == (("worse", "") if alone == "worse" else ("cannot tell", SHARED))


def test_a_quantile_that_failures_make_infinite_says_so() -> None:
    finding = of(latency(), (waited(1_000), waited(1_000, failed=100)))
    assert finding.answer == "cannot tell"
    assert "does not exist" in finding.why
    assert finding.treatment is None


@pytest.mark.parametrize(
    ("method", "yes", "answer"),
    [("feedback", 1_190, "safe"), ("feedback", 900, "harm"), ("given", 1_195, "safe"), ("given", 900, "harm")],
)
def test_a_guardrail_of_feedback_is_safe_or_does_harm(method: Any, yes: int, answer: str) -> None:
    plan = metric("feedback.kind", method, better="higher", margin=0.08, window_seconds=WEEK)
    assert of(plan, (answers(2_000, 2_000, 1_200), answers(2_000, 2_000, yes))).answer == answer


def test_a_guardrail_of_feedback_where_lower_is_better_is_mirrored() -> None:
    plan = metric("feedback.complaint", "feedback", better="lower", margin=0.05, window_seconds=WEEK)
    finding = of(plan, (answers(2_000, 2_000, 100), answers(2_000, 2_000, 400)))
    assert finding.answer == "harm"
    assert isinstance(finding.estimate, Estimate) and finding.estimate.low > 0


def test_what_has_no_data_or_no_level_says_why() -> None:
    assert only_finding(analysis_plan(errors()), sums(0)).why == "no unit shows it yet"
    assert of(cost(level=None), (spent(100), spent(100))).why == UNKNOWN_LEVEL
    arms = {"base": ArmSums(9), "tuned": ArmSums(9, unknown={ERRORS: "3 answers have no price"})}
    assert only_finding(analysis_plan(errors()), Sums(0, arms)).why == "3 answers have no price"


def test_findings_come_in_the_order_of_metrics_and_treatments() -> None:
    plan = analysis_plan(resolved(), errors(), shares=THREE)
    findings = find(plan, sums(0, resolved=(None, None, None)))
    assert [(each.metric, each.variant) for each in findings] == [
        (RESOLVED, "tuned"),
        (RESOLVED, "larger"),
        (ERRORS, "tuned"),
        (ERRORS, "larger"),
    ]


def test_a_second_attempt_needs_more_evidence_for_better_and_for_safe_and_not_for_harm() -> None:
    pair = answers(2_000, 2_000, 1_200), answers(2_000, 2_000, 1_310)
    first, later = (of(resolved(), pair, attempt=attempt).estimate for attempt in (1, 6))
    assert isinstance(first, Estimate) and isinstance(later, Estimate)
    assert later.low < first.low
    same = failing(6_000, 60, cap=1), failing(6_000, 60, cap=1)
    assert [of(errors(margin=0.008, cap=1.0), same, attempt=attempt).answer for attempt in (1, 12)] == [
        "safe",
        "cannot tell",
    ]
    bad = failing(900, 9), failing(900, 31)
    kills = [of(errors(), bad, attempt=attempt) for attempt in (1, 12)]
    assert kills[0].answer == kills[1].answer == "harm"
    assert kills[0].log_kill == kills[1].log_kill


def test_three_arms_use_a_smaller_alpha_than_two() -> None:
    pair = answers(2_000, 2_000, 1_200), answers(2_000, 2_000, 1_310)
    two = of(resolved(), pair).estimate
    plan = analysis_plan(resolved(), shares={"base": 0.4, "tuned": 0.3, "larger": 0.3})
    three = find(plan, sums(0, resolved=(*pair, pair[1])))[0].estimate
    assert isinstance(two, Estimate) and isinstance(three, Estimate)
    assert three.high - three.low > two.high - two.low


def test_levels_are_on_the_scale_of_the_metric() -> None:
    assert level_of(failing(100, 4, requests=2), errors()) == 0.02
    assert level_of(answers(10, 0, 0), resolved()) is None
    assert level_of(waited(100, failed=10), latency()) is None
    assert level_of(spent(2_000), cost()) == pytest.approx(0.1, rel=0.1)
