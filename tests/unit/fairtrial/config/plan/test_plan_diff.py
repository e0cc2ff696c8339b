"""Two plans differ in named fields: a value, a whole deployment, or a variant found by its name."""

from __future__ import annotations

from typing import Any

from fairtrial.config.plan.plan_diff import plan_diff


def plan(**fields: Any) -> dict[str, Any]:
    return {"deployments": {"base": {"model": "a"}}, "experiments": {"e": {"variants": []}}} | fields


def test_equal_plans_do_not_differ() -> None:
    assert plan_diff(plan(), plan()) == []


def test_a_deployment_that_only_one_plan_has_is_one_field() -> None:
    more = plan(deployments={"base": {"model": "a"}, "tuned": {"model": "b"}})
    assert plan_diff(plan(), more) == [{"path": "deployments.tuned", "old": None, "new": {"model": "b"}}]
    assert plan_diff(more, plan())[0]["new"] is None


def test_variants_are_compared_by_name_and_other_lists_as_a_whole() -> None:
    old = plan(experiments={"e": {"variants": [{"name": "a", "weight": 50}, {"name": "b", "weight": 50, "stop": [1]}]}})
    new = plan(experiments={"e": {"variants": [{"name": "b", "weight": 50, "stop": [2]}, {"name": "c", "weight": 50}]}})
    assert [row["path"] for row in plan_diff(old, new)] == [
        "experiments.e.variants.a",
        "experiments.e.variants.b.stop",
        "experiments.e.variants.c",
    ]
