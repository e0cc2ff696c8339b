"""Resolves a request to its target: a route or a pinned deployment, then the unit and its assignment, then an arm."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.domain.errors import BadRequest, NotAllowed, NotFound
from fairtrial.domain.events import Exposure
from fairtrial.domain.plan import Experiment, Route
from fairtrial.experiments.assignment import Assignment, assign
from fairtrial.experiments.unit import LONGEST_UNIT, TOO_LONG, UNIT_HEADER, find_unit, named_conversation, pseudonym
from gateway.proxy.plan.routing_table import Arm, GatewayCaller, RouteTarget, Routing
from gateway.proxy.stages import Received
from gateway.proxy.wire.http import TAGS_HEADER, Headers
from gateway.proxy.wire.json_bodies import LazyFields, RequestBody

VARIANT_HEADER = "x-fairtrial-variant"
DEPLOYMENT_HEADER = "x-fairtrial-deployment"
REMEMBERED, LONG = 8192, 256
"""How many units' targets are cached before the cache is emptied, and from which length on a name is not cached."""

UNIT_FIELDS = frozenset({"safety_identifier", "user", "conversation", "metadata"})
_NAMING = frozenset({UNIT_HEADER, TAGS_HEADER})
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
"""The characters that `control_character` finds, in UTF-8."""


def refuse_control_characters(headers: Headers, unit_headers: Sequence[str] = ()) -> None:
    """Raise `BadRequest` if a header that names a unit or tags holds a control character."""
    if not unit_headers and _NAMING.isdisjoint(headers.raw):
        return
    for name in (UNIT_HEADER, TAGS_HEADER, *unit_headers):
        value = headers.raw.get(name)
        if value is not None and _CONTROL.search(value) is not None:
            raise BadRequest(f"{name}: holds a control character", param=name, code="control_character")


def refuse_long_units(headers: Headers, body: RequestBody, unit_headers: Sequence[str] = ()) -> None:
    """Raise `BadRequest` on every route, because feedback could not name the unit either."""
    sent = body.fields
    for name in UNIT_FIELDS:
        if name in sent and len(sent[name]) > LONGEST_UNIT:  # a name has no more characters than bytes
            break
    else:
        if all(len(headers.raw.get(name, b"")) <= LONGEST_UNIT for name in (UNIT_HEADER, *unit_headers)):
            return
    fields = LazyFields(sent)
    try:
        find_unit("user", headers=headers, body=fields, request_id="", user_headers=unit_headers)
        named_conversation(headers, fields)
    except BadRequest as error:
        if error.code == TOO_LONG:  # any other field that can't be decoded names nobody
            raise


def resolve(
    routing: Routing, caller: GatewayCaller, body: RequestBody, headers: Headers, request_id: str
) -> RouteTarget:
    """The target of a request; `NotFound` for an unknown name, `NotAllowed` if the key may not use it."""
    unit_headers = routing.published.unit_headers
    named = _named_alone(headers, body) if unit_headers == () or headers.raw.keys().isdisjoint(unit_headers) else None
    if named is None:
        refuse_long_units(headers, body, unit_headers)
    if DEPLOYMENT_HEADER in headers.raw:
        return _pin_deployment(routing, caller, headers[DEPLOYMENT_HEADER], body.model)
    route = _route(routing, caller, body.model)
    if VARIANT_HEADER in headers.raw:
        target = _pin_variant(routing, caller, route, headers[VARIANT_HEADER])
    elif route.experiment is not None:
        experiment = routing.plan.experiments[route.experiment]
        if experiment.unit != "user":
            named = None
        if named is not None and (known := routing.placed.get((route.name, named))) is not None:
            return known
        fields = LazyFields(body.fields)
        unit = find_unit(
            experiment.unit, headers=headers, body=fields, request_id=request_id, user_headers=unit_headers
        )
        target = routing.placed.get((route.name, unit)) or _place(routing, route, experiment, unit)
        if named is not None and (route.name, unit) in routing.placed:
            _remember(routing, (route.name, named), target)
        return target
    else:
        arm = Arm(name=None, endpoint=routing.endpoints[str(route.deployment)])
        hold = route.hold == "complete"
        target = RouteTarget(
            route=route.name, arm=arm, reason="direct", fallbacks=_fallbacks(routing, route, arm), hold=hold
        )
    return _keep_internal(route, target)


def _route(routing: Routing, caller: GatewayCaller, name: str) -> Route:
    route = routing.plan.routes.get(name)
    if route is None:
        known = ", ".join(sorted(filter(caller.may_name, routing.plan.routes))) or "none"
        raise NotFound(
            f"model: {name!r} is not a route of this gateway (known: {known})", param="model", code="model_not_found"
        )
    if not caller.may_name(name):
        raise NotAllowed(f"model: this key may not use {name!r}", param="model", code="model_not_allowed")
    return route


def _pin_deployment(routing: Routing, caller: GatewayCaller, name: str, model: str) -> RouteTarget:
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
    return RouteTarget(route=model, arm=Arm(name=None, endpoint=endpoint), reason="forced")


def _pin_variant(routing: Routing, caller: GatewayCaller, route: Route, variant: str) -> RouteTarget:
    caller.require("pin")
    experiment = routing.plan.experiments.get(route.experiment or "")
    arm = routing.arms.get((experiment.name, variant)) if experiment else None
    if experiment is None or arm is None:
        known = (
            ", ".join(declared.name for declared in experiment.variants)
            if experiment
            else "the route has no experiment"
        )
        raise NotFound(
            f"{VARIANT_HEADER}: {variant!r} is not a variant of {route.name!r} (known: {known})",
            param=VARIANT_HEADER,
            code="variant_not_found",
        )
    return RouteTarget(route=route.name, arm=arm, reason="forced", experiment=experiment)


def _place(routing: Routing, route: Route, experiment: Experiment, unit: str | None) -> RouteTarget:
    target = _keep_internal(route, _assigned(routing, route, experiment, unit))
    if unit is not None and experiment.unit != "request" and len(unit) < LONG:
        _remember(routing, (route.name, unit), target)
    return target


def _named_alone(headers: Headers, body: RequestBody) -> bytes | None:
    """The value of ``user`` as it came, if it is short and no other part of the request can name a unit."""
    fields = body.fields
    raw = fields.get("user")
    if raw is None or len(raw) >= LONG or UNIT_HEADER in headers.raw or "safety_identifier" in fields:
        return None
    return None if "metadata" in fields or "conversation" in fields else bytes(raw)


def _remember(routing: Routing, place: tuple[str, str | bytes | None], target: RouteTarget) -> None:
    if len(routing.placed) >= REMEMBERED:
        routing.placed.clear()
    routing.placed[place] = target


def _assigned(routing: Routing, route: Route, experiment: Experiment, unit: str | None) -> RouteTarget:
    assignment = assign(experiment, unit)
    arm = routing.arms[experiment.name, assignment.served]
    name = None if unit is None else pseudonym(routing.published.pepper, unit)
    return RouteTarget(
        route=route.name,
        arm=arm,
        reason=assignment.reason,
        experiment=experiment,
        assignment=assignment,
        unit=name,
        fallbacks=_fallbacks(routing, route, arm),
        exposure=_exposure(experiment, assignment, name),
        hold=route.hold == "complete",
    )


def _exposure(experiment: Experiment, assignment: Assignment, unit: str | None) -> Exposure:
    return Exposure(
        unit_kind=experiment.unit,
        enrolled=assignment.enrolled,
        state=experiment.state,
        stage=experiment.stage,
        unit=unit,
        enrol_bucket=assignment.enrol_bucket,
        arm_bucket=assignment.arm_bucket,
        propensity=assignment.propensity,
        analysis_hash=experiment.analysis_hash,
    )


def _fallbacks(routing: Routing, route: Route, arm: Arm) -> tuple[Arm, ...]:
    """What answers if the arm fails: its own fallbacks or those of the route, without its own deployment."""
    experiment = routing.plan.experiments.get(route.experiment or "")
    own = experiment.variant(arm.name).fallbacks if experiment is not None and arm.name is not None else ()
    names = [name for name in own or route.fallbacks if name != arm.endpoint.name]
    return tuple(_fallback(routing, experiment, name) for name in names)


def _fallback(routing: Routing, experiment: Experiment | None, deployment: str) -> Arm:
    """The variant with this deployment (the control first), else the bare deployment."""
    if experiment is not None:
        for variant in sorted(experiment.variants, key=lambda variant: variant.name != experiment.control):
            if variant.deployment == deployment:
                return routing.arms[experiment.name, variant.name]
    return Arm(name=None, endpoint=routing.endpoints[deployment])


def _keep_internal(route: Route, target: RouteTarget) -> RouteTarget:
    """Refuse to send internal traffic to an external deployment, whatever else the plan says."""
    if route.data != "internal":
        return target
    if any(arm.endpoint.deployment.external for arm in (target.arm, *target.fallbacks)):
        raise NotAllowed(
            f"model: {route.name!r} is internal and must not reach an external deployment",
            param="model",
            code="internal_route",
        )
    return target


def recorded_unit(
    received: Received, routing: Routing, body: RequestBody | None, target: RouteTarget | None
) -> str | None:
    """The user named in a request, pseudonymised, so that an erasure also finds requests outside any experiment.

    Without a user it is the unit of the request's experiment, and without that its conversation.
    """
    counted = target.unit if target else None
    kind = target.experiment.unit if target and target.experiment else "user"
    if kind == "user" and counted is not None:
        return counted
    headers = received.headers
    fields: Mapping[str, Any] = LazyFields(body.fields) if body else {}
    try:
        # in an experiment by conversation our own header names a conversation, so it can't name the user
        users = routing.published.unit_headers
        sources = {name: headers[name] for name in users if name in headers} if kind == "conversation" else headers
        name = find_unit("user", headers=sources, body=fields, request_id=received.request_id, user_headers=users)
        if name is None and counted is None:
            name = named_conversation(headers, fields)
    except BadRequest:
        return counted  # a field that can't be decoded names nobody
    return counted if name is None else pseudonym(routing.published.pepper, name)
