"""From what was asked to what serves it: a route or a pin, then the unit and its assignment, then an arm."""

from __future__ import annotations

from fairtrial.domain.errors import NotAllowed, NotFound
from fairtrial.domain.plan import Experiment, Route
from fairtrial.experiments.assignment import assign
from fairtrial.experiments.units import find_unit, pseudonym
from gateway.proxy.plan.caller import Caller
from gateway.proxy.plan.routing_table import Arm, Routing, Target
from gateway.proxy.wire.headers import Headers
from gateway.proxy.wire.request_body import Asked, LazyFields

VARIANT_HEADER = "x-fairtrial-variant"
DEPLOYMENT_HEADER = "x-fairtrial-deployment"
REMEMBERED, LONG = 8192, 256
"""Units whose place is remembered: all are forgotten when there are more, and none with so long a name is."""


def resolve(routing: Routing, caller: Caller, asked: Asked, headers: Headers, request_id: str) -> Target:
    """The target of a request; `NotFound` for an unknown name, `NotAllowed` where the key may not."""
    if DEPLOYMENT_HEADER in headers.raw:
        return _pin_deployment(routing, caller, headers[DEPLOYMENT_HEADER], asked.model)
    route = _route(routing, caller, asked.model)
    if VARIANT_HEADER in headers.raw:
        target = _pin_variant(routing, caller, route, headers[VARIANT_HEADER])
    elif route.experiment is not None:
        experiment = routing.plan.experiments[route.experiment]
        unit = find_unit(experiment.unit, headers=headers, body=LazyFields(asked.fields), request_id=request_id)
        return routing.placed.get((route.name, unit)) or _place(routing, route, experiment, unit)
    else:
        arm = Arm(name=None, endpoint=routing.endpoints[str(route.deployment)])
        target = Target(route=route.name, arm=arm, reason="direct", fallback=_fallback(routing, route, arm))
    return _keep_internal(route, target)


def _route(routing: Routing, caller: Caller, name: str) -> Route:
    route = routing.plan.routes.get(name)
    if route is None:
        known = ", ".join(sorted(filter(caller.may_name, routing.plan.routes))) or "none"
        raise NotFound(
            f"model: {name!r} is not a route of this gateway (known: {known})", param="model", code="model_not_found"
        )
    if not caller.may_name(name):
        raise NotAllowed(f"model: this key may not use {name!r}", param="model", code="model_not_allowed")
    return route


def _pin_deployment(routing: Routing, caller: Caller, name: str, model: str) -> Target:
    caller.require("pin")
    endpoint = routing.endpoints.get(name)
    if endpoint is None:
        known = ", ".join(sorted(routing.endpoints)) or "none"
        raise NotFound(
            f"{DEPLOYMENT_HEADER}: {name!r} is not a deployment (known: {known})",
            param=DEPLOYMENT_HEADER,
            code="deployment_not_found",
        )
    if caller.routes and not any(name in routing.reachable.get(route, ()) for route in caller.routes):
        raise NotAllowed(
            f"{DEPLOYMENT_HEADER}: this key's routes don't lead to {name!r}",
            param=DEPLOYMENT_HEADER,
            code="deployment_not_allowed",
        )
    return Target(route=model, arm=Arm(name=None, endpoint=endpoint), reason="direct")


def _pin_variant(routing: Routing, caller: Caller, route: Route, variant: str) -> Target:
    caller.require("pin")
    experiment = routing.plan.experiments.get(route.experiment or "")
    arm = routing.arms.get((experiment.name, variant)) if experiment else None
    if experiment is None or arm is None:
        known = ", ".join(found.name for found in experiment.variants) if experiment else "the route has no experiment"
        raise NotFound(
            f"{VARIANT_HEADER}: {variant!r} is not a variant of {route.name!r} (known: {known})",
            param=VARIANT_HEADER,
            code="variant_not_found",
        )
    return Target(route=route.name, arm=arm, reason="forced", experiment=experiment)


def _place(routing: Routing, route: Route, experiment: Experiment, unit: str | None) -> Target:
    target = _keep_internal(route, _assigned(routing, route, experiment, unit))
    if unit is not None and experiment.unit != "request" and len(unit) < LONG:
        if len(routing.placed) >= REMEMBERED:
            routing.placed.clear()
        routing.placed[route.name, unit] = target
    return target


def _assigned(routing: Routing, route: Route, experiment: Experiment, unit: str | None) -> Target:
    assignment = assign(experiment, unit)
    arm = routing.arms[experiment.name, assignment.served]
    return Target(
        route=route.name,
        arm=arm,
        reason=assignment.reason,
        experiment=experiment,
        assignment=assignment,
        unit=None if unit is None else pseudonym(routing.published.pepper, unit),
        fallback=_fallback(routing, route, arm),
    )


def _fallback(routing: Routing, route: Route, arm: Arm) -> Arm | None:
    """The arm to fall back to: the variant that has this deployment (the control first), else the deployment bare."""
    if route.fallback is None or route.fallback == arm.endpoint.name:
        return None
    experiment = routing.plan.experiments.get(route.experiment or "")
    if experiment is not None:
        for variant in sorted(experiment.variants, key=lambda variant: variant.name != experiment.control):
            if variant.deployment == route.fallback:
                return routing.arms[experiment.name, variant.name]
    return Arm(name=None, endpoint=routing.endpoints[route.fallback])


def _keep_internal(route: Route, target: Target) -> Target:
    """A route for internal traffic never leads outside, whatever else the plan says."""
    if route.data != "internal":
        return target
    arms = [target.arm, target.fallback]
    if any(arm is not None and arm.endpoint.deployment.external for arm in arms):
        raise NotAllowed(
            f"model: {route.name!r} is internal and must not reach an external deployment",
            param="model",
            code="internal_route",
        )
    return target
