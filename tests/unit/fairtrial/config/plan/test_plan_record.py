"""What each route of a recorded plan served: a deployment, or the arms of its experiment with their shares."""

from __future__ import annotations

from typing import Any

from fairtrial.api.plans import FieldDifference, ServedRoute, ServedVariant
from fairtrial.config.plan.plan_record import plan_diff, recorded_plan, served_routes
from fairtrial.domain.plan import Deployment, Experiment, Plan, Route, Variant
from fairtrial.domain.settings import ExperimentState
from tests.fixtures.for_each import for_each

DEPLOYMENTS = {name: Deployment(name, "openai", f"{name}-v2", "http://127.0.0.1:9/v1") for name in ("base", "tuned")}
ARMS = (Variant("base", "base", 60), Variant("tuned", "tuned", 40, system_prompt="Be kind."))


def served(state: ExperimentState, stage: float, **more: Any) -> list[ServedRoute]:
    experiment = Experiment("trial", "Better?", "user", "base", ARMS, salt="s", stage=stage, state=state)
    routes = {"bot": Route("bot", experiment="trial", fallback="base"), "direct": Route("direct", deployment="tuned")}
    plan = recorded_plan(Plan(DEPLOYMENTS, routes, {"trial": experiment}), {})
    plan["experiments"]["trial"] |= more
    return served_routes(plan)


def test_a_route_with_a_deployment_serves_it_to_everyone() -> None:
    (_, direct) = served("running", 100)
    assert (direct.route, direct.experiment) == ("direct", None)
    assert direct.serves == [ServedVariant(deployment="tuned", model="openai/tuned-v2", percent=100)]


@for_each(
    ("state", "stage", "more", "shares"),
    [
        ("running", 100, {}, {"base": 60, "tuned": 40}),
        ("running", 10, {}, {"base": 96, "tuned": 4}),
        ("paused", 100, {}, {"base": 100}),
        ("killed", 40, {}, {"base": 100}),
        ("declared", 100, {}, {"base": 100}),
        ("ended", 100, {}, {"base": 100}),
        ("ended", 100, {"serves": "tuned"}, {"tuned": 100}),
    ],
)
def test_an_experiment_serves_its_arms_by_stage_split_and_state(
    state: ExperimentState, stage: float, more: dict[str, Any], shares: dict[str, float]
) -> None:
    (bot, _) = served(state, stage, **more)
    assert {arm.variant: arm.percent for arm in bot.serves} == shares
    about = bot.experiment
    assert about is not None
    assert (about.name, about.state, about.stage, about.control) == ("trial", state, stage, "base")
    assert (about.split, about.segment, bot.fallback) == ({"base": 60, "tuned": 40}, 1, "base")
    assert {arm.variant: arm.overrides for arm in bot.serves} == {name: name == "tuned" for name in shares}


def plan(**fields: Any) -> dict[str, Any]:
    return {"deployments": {"base": {"model": "a"}}, "experiments": {"e": {"variants": []}}} | fields


def test_equal_plans_do_not_differ() -> None:
    assert plan_diff(plan(), plan()) == []


def test_a_deployment_that_only_one_plan_has_is_one_field() -> None:
    more = plan(deployments={"base": {"model": "a"}, "tuned": {"model": "b"}})
    assert plan_diff(plan(), more) == [FieldDifference(path="deployments.tuned", old=None, new={"model": "b"})]
    assert plan_diff(more, plan())[0].new is None


def test_variants_are_compared_by_name_and_other_lists_as_a_whole() -> None:
    old = plan(experiments={"e": {"variants": [{"name": "a", "weight": 50}, {"name": "b", "weight": 50, "stop": [1]}]}})
    new = plan(experiments={"e": {"variants": [{"name": "b", "weight": 50, "stop": [2]}, {"name": "c", "weight": 50}]}})
    assert [row.path for row in plan_diff(old, new)] == [
        "experiments.e.variants.a",
        "experiments.e.variants.b.stop",
        "experiments.e.variants.c",
    ]
