"""Failures that other tools for gradual releases have published; none of them may happen here.

Sources: spinnaker/kayenta#377 and #799 (a control without errors), argoproj/argo-rollouts#4479 (an analysis that only
failed counts as successful), fluxcd/flagger#1011 (traffic stops, the release advances), fluxcd/flagger#1098 (no values
count as zero).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairtrial.domain.settings import Enrolment
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import RULES, AnalysisPlan
from fairtrial.experiments.decision.waits import Wait
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.monitor import Circumstances, Step, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.sequential.request_errors import RequestErrors
from tests.fixtures.experiments.frozen_plans import failing

HOUR_US = 3_600_000_000
ERRORS = "requests.error_rate"
BOTH = frozenset({"base", "tuned"})
PLAN = AnalysisPlan(
    experiment="tuned-vs-base",
    segment=1,
    revision=1,
    attempt=1,
    from_us=0,
    started_us=0,
    unit="user",
    control="base",
    shares={"base": 0.5, "tuned": 0.5},
    metrics=(
        MetricPlan(
            metric=ERRORS,
            role="guardrail",
            method="shares",
            better="lower",
            require="not_worse",
            margin=0.01,
            cap=50.0,
            pause=0.0,
        ),
    ),
    enrolment=Enrolment(stages=(10.0, 100.0), min_units=100, min_hours=1.0),
    min_days=7.0,
    max_weeks=6,
    models={"base": "a", "tuned": "b"},
    shared_engine=False,
    analysis_hash="h",
    declared={},
    rules=RULES,
)
APPROVED = replace(PLAN, enrolment=replace(PLAN.enrolment, approve=(100.0,)))
LATER = Circumstances(now_us=2 * HOUR_US, stage=10.0, stage_since_us=0, served=BOTH)


def errors(failed: int, users: int) -> RequestErrors:
    return failing(users, failed)


def arms(base: RequestErrors | None, tuned: RequestErrors | None, *, users: int = 400) -> Sums:
    by_arm = {"base": base, "tuned": tuned}
    return Sums(
        2 * HOUR_US,
        {
            name: ArmSums(users, users, {} if request_errors is None else {ERRORS: request_errors})
            for name, request_errors in by_arm.items()
        },
    )


def stepped(sums: Sums, around: Circumstances = LATER, plan: AnalysisPlan = PLAN) -> Step:
    return step(plan, Memory(), sums, around)


def test_a_control_without_errors_and_a_candidate_with_errors_are_compared() -> None:
    result = stepped(arms(errors(0, 400), errors(20, 400)))
    assert result.verdict is not None and result.verdict.do == "kill"
    assert "5 % against 0 % of base" in result.verdict.why


def test_two_arms_without_errors_are_neither_killed_nor_called_worse() -> None:
    result = stepped(arms(errors(0, 400), errors(0, 400)))
    assert result.verdict is not None and result.verdict.do == "stage"
    assert [finding.answer for finding in result.findings] in (["safe"], ["cannot tell"])


@pytest.mark.parametrize(("base", "tuned"), [(None, 0), (0, None), (None, None)])
def test_an_arm_without_data_neither_advances_nor_kills(base: int | None, tuned: int | None) -> None:
    result = stepped(arms(None if base is None else errors(base, 400), None if tuned is None else errors(tuned, 400)))
    assert result.verdict is None
    assert any((wait.needs, wait.metric) == ("data", ERRORS) for wait in result.waits)
    assert all(finding.answer == "cannot tell" for finding in result.findings)


def test_too_few_units_do_not_advance() -> None:
    result = stepped(arms(errors(0, 400), errors(0, 60), users=60))
    assert result.verdict is None
    assert any((wait.needs, wait.number) == ("units", 100) for wait in result.waits)


def test_a_stage_without_traffic_does_not_advance() -> None:
    for served in (frozenset(), frozenset({"base"})):
        result = stepped(arms(errors(0, 400), errors(0, 400)), replace(LATER, served=served))
        assert result.verdict is None
        assert any(wait.needs == "requests" for wait in result.waits)


def test_a_stage_waits_until_all_workers_serve_the_plan() -> None:
    result = stepped(arms(errors(0, 400), errors(0, 400)), replace(LATER, followed=False))
    assert result.verdict is None and Wait("workers") in result.waits


def test_a_stage_waits_while_harm_is_likely_but_not_proven() -> None:
    result = stepped(arms(errors(0, 400), errors(7, 400)))
    assert result.verdict is None
    assert any((wait.needs, wait.metric, *wait.arms) == ("less harm", ERRORS, "tuned") for wait in result.waits)


def test_an_approval_alone_does_not_advance() -> None:
    around = replace(LATER, now_us=HOUR_US // 2, approved=frozenset({100.0}))
    result = stepped(arms(errors(0, 400), errors(0, 400)), around, APPROVED)
    assert result.verdict is None and any(wait.needs == "hours" for wait in result.waits)


def test_conditions_without_the_approval_do_not_advance() -> None:
    result = stepped(arms(errors(0, 400), errors(0, 400)), plan=APPROVED)
    assert result.verdict is None and result.asks_approval == 100.0
    assert result.waits == (Wait("approval", 100.0),)
