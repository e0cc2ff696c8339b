"""Validates any plan, however it was made: references exist, and shares add up."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import PLAN_VERSION, Experiment, Plan, Route


def refuse_unsound(plan: Plan) -> None:
    """Raise `PlanRefused` with everything that is wrong; return if the plan is valid."""
    wrong = [*_version(plan), *_routes(plan), *_experiments(plan)]
    if wrong:
        raise PlanRefused("plan: " + "; ".join(wrong))


def _version(plan: Plan) -> Iterator[str]:
    if plan.version != PLAN_VERSION:
        yield f"version {plan.version} can't be read here (known: {PLAN_VERSION})"


def _routes(plan: Plan) -> Iterator[str]:
    for name, route in plan.routes.items():
        if (route.deployment is None) == (route.experiment is None):
            yield f"routes.{name} must lead to one deployment or one experiment"
        if route.experiment is not None and route.experiment not in plan.experiments:
            yield f"routes.{name} leads to the experiment {route.experiment!r}, which does not exist"
        yield from _unknown_deployments(plan, f"routes.{name}", [route.deployment, *route.fallbacks])
        if route.data == "internal":
            yield from _leaks(plan, route)


def _leaks(plan: Plan, route: Route) -> Iterator[str]:
    for deployment in reachable(plan, route):
        if deployment in plan.deployments and plan.deployments[deployment].external:
            yield f"routes.{route.name} has internal data but can reach the external deployment {deployment!r}"


def reachable(plan: Plan, route: Route) -> list[str]:
    """Every deployment that may get a request on this route, in a stable order."""
    names = [route.deployment, *route.fallbacks]
    if route.experiment is not None and route.experiment in plan.experiments:
        for variant in plan.experiments[route.experiment].variants:
            names += [variant.deployment, *variant.fallbacks]
    return list(dict.fromkeys(name for name in names if name is not None))


def _experiments(plan: Plan) -> Iterator[str]:
    for name, experiment in plan.experiments.items():
        where = f"experiments.{name}"
        variants = [variant.name for variant in experiment.variants]
        if experiment.control not in variants:
            yield f"{where}: the control {experiment.control!r} is not one of its variants"
        if variants != sorted(set(variants)):
            yield f"{where}: the variants are not in the order of their names, each once"
        if not 0 <= experiment.stage <= 100:
            yield f"{where}: the stage {experiment.stage:g} is not a percentage"
        if experiment.serves is not None and (experiment.serves not in variants or experiment.state != "ended"):
            yield f"{where}: {experiment.serves!r} can't serve everyone (only a variant can, once the experiment ended)"
        yield from _shares(where, experiment)
        for variant in experiment.variants:
            yield from _unknown_deployments(plan, where, [variant.deployment, *variant.fallbacks])


def _shares(where: str, experiment: Experiment) -> Iterator[str]:
    total = sum((Decimal(repr(variant.weight)) for variant in experiment.variants), Decimal())
    if total != 100 or any(variant.weight <= 0 for variant in experiment.variants):
        yield f"{where}: the shares must be above 0 and add up to 100, not {total:f}"


def _unknown_deployments(plan: Plan, where: str, names: list[str | None]) -> Iterator[str]:
    for name in names:
        if name is not None and name not in plan.deployments:
            yield f"{where} names the deployment {name!r}, which does not exist"
