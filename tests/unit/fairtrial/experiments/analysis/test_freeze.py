"""A start freezes what decides; later edits are named, and amendments count anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.plan.compile import compile_plan
from fairtrial.domain.plan import Deployment, Experiment, Plan
from fairtrial.domain.settings import Enrolment
from fairtrial.experiments.analysis.freeze import (
    EARLIER,
    MEASURED,
    STATED,
    Known,
    changed_models,
    counts_anew,
    freeze,
    frozen_changes,
    with_level,
)
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan
from tests.fixtures.experiments.frozen_plans import ERRORS
from tests.fixtures.for_each import for_each

NAME = "tuned-vs-base"
GUARDRAILS: list[dict[str, Any]] = [
    {"metric": ERRORS, "margin": "1pp"},
    {"metric": "cost.per_request", "margin": "20%", "stop_margin": "30%", "signal": "pause"},
    {"metric": "requests.latency_p95", "margin": "20%", "baseline": 900},
    {"metric": "requests.schema_valid_rate", "margin": "1pp", "baseline": "99%"},
    {"metric": "feedback.solved.given", "margin": "5pp"},
]


def project(**changes: Any) -> Plan:
    """A compiled project; ``changes`` are fields of its experiment."""
    experiment: dict[str, Any] = {
        "question": "Is it better?",
        "unit": "user",
        "control": "base",
        "variants": {"base": {"deployment": "base"}, "tuned": {"deployment": "tuned"}},
        "split": {"base": 60, "tuned": 40},
        "enroll": {"stages": [10, 50], "min_units": 30, "min_hours": 4, "approve": [50]},
        "primary": {"metric": "feedback.solved", "mde": "3pp", "min_days": 14},
        "guardrails": GUARDRAILS,
        "max_weeks": 5,
    }
    deployments = {
        name: {"model": f"openai/{name}", "base_url": f"http://{name}.example/v1"} for name in ("base", "tuned")
    }
    feedback = {"solved": {"from": "feedback", "key": "solved", "kind": "boolean", "window": "3d"}}
    file = {
        "version": 1,
        "deployments": changes.pop("deployments", deployments),
        "metrics": changes.pop("metrics", feedback),
        "experiments": {NAME: experiment | changes},
    }
    return compile_plan(ProjectFile.model_validate(file), {}, {})


def frozen(plan: Plan, **known: Known) -> AnalysisPlan:
    """The plan as started at 7."""
    by_metric = {name.replace("__", "."): facts for name, facts in known.items()}
    return freeze(plan, plan.experiments[NAME], 7, by_metric)


def metric(plan: AnalysisPlan, name: str) -> MetricPlan:
    return next(metric_plan for metric_plan in plan.metrics if metric_plan.metric == name)


def test_a_start_freezes_what_the_file_declares() -> None:
    plan = frozen(project())
    assert (plan.from_us, plan.started_us, plan.attempt, plan.revision) == (7, 7, 1, 1)
    assert plan.shares == {"base": 0.6, "tuned": 0.4}
    assert plan.enrolment == Enrolment((10.0, 50.0), 30, 4.0, (50.0,))
    assert (plan.min_days, plan.max_weeks) == (14.0, 5)
    primary = plan.primary
    assert primary is not None
    assert (primary.metric, primary.method, primary.better) == ("feedback.solved", "feedback", "higher")
    assert (primary.margin, primary.window_seconds) == (0.03, 3 * 86_400.0)
    assert [guardrail.metric for guardrail in plan.guardrails] == [declared["metric"] for declared in GUARDRAILS]


def test_the_days_that_the_file_does_not_state_are_two_weeks() -> None:
    plan = project(primary={"metric": "feedback.solved", "mde": "3pp"})
    frozen_plan = freeze(plan, plan.experiments[NAME], 7)
    assert frozen_plan.min_days == 14.0
    assert frozen_changes(frozen_plan, plan.experiments[NAME]) == {}
    stated = project(primary={"metric": "feedback.solved", "mde": "3pp", "min_days": 14}).experiments[NAME]
    assert list(frozen_changes(frozen_plan, stated).values()) == ["primary.min_days: none → 14"]


def test_each_guardrail_has_both_margins_and_its_signal() -> None:
    plan = frozen(project())
    rate = metric(plan, ERRORS)
    assert (rate.method, rate.margin, rate.pause, rate.stop) == ("shares", 0.01, 0.0, 0.01)
    cost = metric(plan, "cost.per_request")
    assert (cost.margin, cost.relative, cost.stop, cost.stop_relative, cost.signal) == (0.2, True, 0.3, True, "pause")
    given = metric(plan, "feedback.solved.given")
    assert (given.method, given.better, given.window_seconds) == ("given", "higher", 3 * 86_400.0)


def test_a_guardrail_of_the_primary_metric_is_not_decided_twice() -> None:
    plan = frozen(project(guardrails=[GUARDRAILS[0], {"metric": "feedback.solved", "margin": "5pp"}]))
    assert [(metric_plan.metric, metric_plan.role) for metric_plan in plan.metrics] == [
        ("feedback.solved", "primary"),
        (ERRORS, "guardrail"),
    ]
    assert plan.alpha_kill == 0.05


def test_a_stated_level_wins_over_an_earlier_one_and_one_is_needed_for_amounts() -> None:
    known = Known(level=800.0)
    plan = frozen(project(), requests__latency_p95=known, cost__per_request=Known(level=0.02))
    latency, cost = metric(plan, "requests.latency_p95"), metric(plan, "cost.per_request")
    assert (latency.level, latency.source) == (900.0, STATED)
    assert (cost.level, cost.source, cost.cap) == (0.02, EARLIER, pytest.approx(0.2))
    assert metric(frozen(project()), "cost.per_request").level is None


def test_the_level_of_a_good_share_is_that_of_the_bad_one() -> None:
    assert metric(frozen(project()), "requests.schema_valid_rate").level == pytest.approx(0.01)


def test_the_known_cap_and_response_are_taken() -> None:
    plan = frozen(project(), cost__per_request=Known(level=0.02, cap=0.7), feedback__solved=Known(response=0.4))
    assert metric(plan, "cost.per_request").cap == 0.7
    assert metric(plan, "feedback.solved").response == 0.4


@pytest.mark.parametrize(("unit", "cap", "used"), [("user", None, 50.0), ("user", 5, 5.0), ("request", None, 1.0)])
def test_a_share_of_requests_counts_so_many_of_one_unit(unit: str, cap: float | None, used: float) -> None:
    plan = frozen(project(unit=unit, guardrails=[{"metric": ERRORS, "margin": "1pp", "cap": cap}]))
    assert metric(plan, ERRORS).cap == used


@pytest.mark.parametrize(("rules", "used"), [(6, 7.0), (7, 50.0)])
def test_earlier_traffic_sets_no_cap_of_requests_since_rules_7(rules: int, used: float) -> None:
    plan = project(guardrails=[{"metric": ERRORS, "margin": "1pp"}])
    known = {ERRORS: Known(level=0.01, cap=6.5)}
    assert metric(freeze(plan, plan.experiments[NAME], 0, known, rules=rules), ERRORS).cap == used


def test_a_level_measured_on_the_first_units_moves_the_start_of_that_metric() -> None:
    plan = with_level(frozen(project()), "cost.per_request", Known(level=0.03, cap=0.4), from_us=99)
    cost = metric(plan, "cost.per_request")
    assert (cost.level, cost.cap, cost.from_us, cost.source) == (0.03, 0.4, 99, MEASURED)
    assert metric(plan, ERRORS).from_us == 0


@for_each(
    ("change", "named"),
    [
        ({"split": {"base": 50, "tuned": 50}}, "split: base 60 / tuned 40 → base 50 / tuned 50"),
        ({"unit": "conversation"}, "unit: user → conversation"),
        ({"primary": {"metric": "feedback.solved", "mde": "2pp", "min_days": 14}}, "primary.mde: 3pp → 2pp"),
        ({"max_weeks": 4}, "max_weeks: 5 → 4"),
        (
            {"guardrails": [{**GUARDRAILS[0], "margin": "2pp"}, *GUARDRAILS[1:]]},
            f"guardrails.{ERRORS}.margin: 1pp → 2pp",
        ),
        (
            {"metrics": {"solved": {"from": "feedback", "key": "solved", "kind": "boolean", "window": "2d"}}},
            "metrics.solved.window_seconds: 259200 → 172800",
        ),
    ],
)
def test_a_change_of_a_frozen_field_is_named(change: dict[str, Any], named: str) -> None:
    assert named in frozen_changes(frozen(project()), _experiment(**change)).values()


def test_a_new_or_a_lost_guardrail_is_a_change() -> None:
    changes = list(frozen_changes(frozen(project()), _experiment(guardrails=GUARDRAILS[1:])).values())
    assert any(change.startswith(f"guardrails.{ERRORS}.metric: {ERRORS} → none") for change in changes)


@pytest.mark.parametrize("change", [{}, {"question": "Is it really better?"}])
def test_what_decides_nothing_may_change(change: dict[str, Any]) -> None:
    assert frozen_changes(frozen(project()), _experiment(**change)) == {}
    assert not counts_anew(frozen(project()), _experiment(**change))


def test_a_later_end_is_free_where_looks_are_made_at_any_time_and_an_amendment_where_they_are_planned() -> None:
    watched = frozen(project(looks="monitor"))
    assert frozen_changes(watched, _experiment(looks="monitor", max_weeks=9)) == {}
    assert list(frozen_changes(frozen(project()), _experiment(max_weeks=9)).values()) == ["max_weeks: 5 → 9"]
    assert not counts_anew(frozen(project()), _experiment(max_weeks=9))


def test_looks_are_planned_by_default_for_a_share_and_stay_as_the_file_states_them() -> None:
    assert frozen(project()).looks_weekly and not frozen(project(looks="monitor")).looks_weekly
    primary = {"metric": "feedback.solved", "mde": "3pp"}
    for watched in ({"min_days": 2}, {"baseline": 0.01, "mde": "0.5pp"}, {"mde": "5%"}):
        assert frozen(project(primary={**primary, **watched})).planned_units is None
    known = frozen(project(primary={**primary, "baseline": 0.62, "min_days": 7}))
    assert known.planned_units is not None and known.planned_units < (frozen(project()).planned_units or 0)


def test_a_plan_of_earlier_rules_keeps_its_looks_under_the_new_default() -> None:
    plan = project()
    earlier = freeze(plan, plan.experiments[NAME], 0, rules=6)
    assert earlier.planned_units is None
    stored = replace(earlier, declared={**earlier.declared, "looks": "monitor"})
    assert frozen_changes(stored, plan.experiments[NAME]) == {}
    assert frozen_changes(stored, _experiment(looks="planned")) != {}


@for_each(
    ("change", "anew"),
    [
        ({"enroll": {"stages": [10, 90]}}, False),
        ({"max_weeks": 2}, False),
        ({"primary": {"metric": "feedback.solved", "mde": "2pp", "min_days": 14}}, True),
        ({"split": {"base": 50, "tuned": 50}}, True),
        ({"guardrails": GUARDRAILS[:1]}, True),
    ],
)
def test_an_amendment_of_what_decides_counts_only_later_units(change: dict[str, Any], anew: bool) -> None:
    assert counts_anew(frozen(project()), _experiment(**change)) is anew


def test_another_model_behind_an_arm_is_seen() -> None:
    plan = project()
    started = frozen(plan)
    assert changed_models(started, plan, plan.experiments[NAME]) == ()
    deployment: Deployment = replace(plan.deployments["tuned"], digest="other")
    swapped = replace(plan, deployments={**plan.deployments, "tuned": deployment})
    assert changed_models(started, swapped, plan.experiments[NAME]) == ("tuned",)


@pytest.mark.parametrize(("host", "shared"), [("base.example", True), ("tuned.example", False)])
def test_two_arms_on_one_address_share_an_engine(host: str, shared: bool) -> None:
    deployments = {
        "base": {"model": "openai/base", "base_url": "http://base.example/v1"},
        "tuned": {"model": "openai/tuned", "base_url": f"http://{host}/v2"},
    }
    assert frozen(project(deployments=deployments)).shared_engine is shared


def _experiment(**change: Any) -> Experiment:
    return project(**change).experiments[NAME]


@for_each(
    ("keys", "pause", "stop"),
    [
        ({}, (0.0, False), (0.01, False)),
        ({"pause_at": "0.5pp", "kill_at": "3pp"}, (0.005, False), (0.03, False)),
        ({"pause_at": "50%"}, (0.5, True), (0.01, False)),
        ({"stop_margin": "20%"}, (0.0, False), (0.2, True)),
        ({"stop_margin": "0"}, (0.0, False), (0.01, False)),
    ],
)
def test_a_rate_pauses_at_any_decline_and_kills_beyond_its_margin_unless_the_file_says_otherwise(
    keys: dict[str, str], pause: tuple[float, bool], stop: tuple[float, bool]
) -> None:
    rate = metric(frozen(project(guardrails=[{"metric": ERRORS, "margin": "1pp"} | keys])), ERRORS)
    assert (rate.pause, rate.pause_relative) == pause
    assert (rate.stop, rate.stop_relative) == stop


@for_each(
    ("keys", "pause", "earlier"),
    [({}, (0.2, True), False), ({"pause_at": "0"}, (0.0, False), True), ({"kill_at": "40%"}, (0.4, True), False)],
)
def test_a_cost_within_its_margin_pauses_only_where_the_file_says_so(
    keys: dict[str, str], pause: tuple[float, bool], earlier: bool
) -> None:
    name = "cost.per_request"
    cost = metric(frozen(project(guardrails=[{"metric": name, "margin": "20%"} | keys])), name)
    assert (cost.pause, cost.pause_relative) == pause
    assert cost.pauses_earlier == earlier


def test_an_edit_of_a_stop_is_a_frozen_change_and_its_default_is_none() -> None:
    before, guardrail = frozen(project()), {"metric": ERRORS, "margin": "1pp"}
    assert frozen_changes(before, _experiment()) == {}
    edited = _experiment(guardrails=[guardrail | {"kill_at": "2pp"}, *GUARDRAILS[1:]])
    assert list(frozen_changes(before, edited).values()) == [f"guardrails.{ERRORS}.kill_at: none → 2pp"]


def _solved(**keys: Any) -> dict[str, Any]:
    return {"solved": {"from": "feedback", "key": "solved", "kind": "boolean", "window": "3d", **keys}}


def test_a_plan_freezes_what_missing_feedback_counts_as() -> None:
    plan = frozen(project(metrics=_solved(missing="worst_case")))
    assert metric(plan, "feedback.solved").missing == "worst_case"
    assert metric(frozen(project()), "feedback.solved").missing == "at_random"
    assert not metric(plan, "feedback.solved.given").missing and not metric(plan, ERRORS).missing
    assert AnalysisPlan.restored(plan.stored()) == plan


def test_what_is_assumed_without_the_key_is_no_frozen_change_and_no_other_experiment() -> None:
    stated, worst = (project(metrics=_solved(missing=missing)) for missing in ("at_random", "worst_case"))
    before = frozen(project())
    assert "metrics.solved.missing" not in before.declared
    assert frozen_changes(before, stated.experiments[NAME]) == {}
    assert stated.experiments[NAME].analysis_hash == project().experiments[NAME].analysis_hash
    assert list(frozen_changes(before, worst.experiments[NAME]).values()) == [
        "metrics.solved.missing: none → worst_case"
    ]
    assert worst.experiments[NAME].analysis_hash != project().experiments[NAME].analysis_hash
