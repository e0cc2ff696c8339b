"""Implements the operations on shadows."""

from fairtrial.api.operation import Nothing
from fairtrial.api.shadows import ShadowStatus, StartShadow, StopShadow
from fairtrial.domain.errors import BadRequest, Conflict, NotFound, UsageError, nearest
from fairtrial.domain.names.ids import new_id
from fairtrial.domain.plan import Plan, Shadow, control_deployment
from fairtrial.store.traffic import shadows
from gateway.control.context import Context
from gateway.control.shadow_scores import built_scorers
from gateway.control.shadows import known_shadows, status_of


def start(context: Context, request: StartShadow) -> ShadowStatus:
    plan = context.present().plan
    baseline, candidate = request.deployments
    for name in request.deployments:
        if name not in plan.deployments:
            raise NotFound(f"shadow: there is no deployment {name!r} ({nearest(name, plan.deployments)})")
    if baseline == candidate:
        raise BadRequest("shadow: the candidate must be another deployment than the baseline")
    route = _route(plan, request)
    if any(known.running and known.shadow.route == route for known in known_shadows(context.database, plan)):
        raise Conflict(f"shadow: {route} has one already: end it with fairtrial shadow stop {route}")
    _refuse(plan, request, route, context.now_us)
    publisher = context.owner.publisher
    publisher.refresh()  # so that the scorers are those of the present file
    try:
        built_scorers(publisher.route_scorers.get(route, ()), publisher.root)
    except UsageError as error:
        raise BadRequest(f"shadow: routes.{route}.{error}") from error
    shadow = Shadow(
        shadow_id=new_id(),
        route=route,
        baseline=baseline,
        candidate=candidate,
        share=request.share,
        limit=request.limit,
        digests=(plan.deployments[baseline].digest, plan.deployments[candidate].digest),
    )
    shadows.record(context.database, shadow, "start", actor=context.actor, now_us=context.now_us)
    return _changed(context, route)


def stop(context: Context, request: StopShadow) -> ShadowStatus:
    running = {known.shadow.route: known.shadow for known in shadows.known(context.database) if known.running}
    if request.route not in running:
        raise NotFound(f"shadow: {request.route} has none ({nearest(request.route, running)})")
    shadows.record(context.database, running[request.route], "stop", actor=context.actor, now_us=context.now_us)
    return _changed(context, request.route)


def listing(context: Context, _: Nothing) -> list[ShadowStatus]:
    plan = context.present().plan
    return [
        status_of(context.database, known, now_us=context.now_us) for known in known_shadows(context.database, plan)
    ]


def _changed(context: Context, route: str) -> ShadowStatus:
    context.owner.publisher.refresh(changed_by=context.actor)
    known = next(known for known in shadows.known(context.database) if known.shadow.route == route)
    return status_of(context.database, known, now_us=context.now_us)


def _route(plan: Plan, request: StartShadow) -> str:
    """The route whose requests are copied: one that the baseline serves."""
    baseline = request.deployments[0]
    served = [name for name, route in plan.routes.items() if control_deployment(plan, route) == baseline]
    words = ", ".join(sorted(served)) or "no route"
    if request.route is not None and request.route not in served:
        raise BadRequest(f"shadow: {baseline} does not serve {request.route} (it serves: {words})")
    if request.route is None and len(served) != 1:
        raise BadRequest(f"shadow: {baseline} serves {words}: name one route with --route")
    return request.route or served[0]


def _refuse(plan: Plan, request: StartShadow, route: str, now_us: int) -> None:
    """Raise `BadRequest` for data that may not leave, and for a limit that could not be kept."""
    name = request.deployments[1]
    candidate = plan.deployments[name]
    if candidate.external and plan.routes[route].data == "internal":
        raise BadRequest(f"shadow: the data of {route} is internal, and {name} is external")
    if request.limit.in_dollars and not candidate.price_at(now_us).known:
        raise BadRequest(
            f"shadow: the price of {name} is unknown, so a limit in dollars can't be kept: declare "
            f"deployments.{name}.price, or limit requests/day or tokens/day"
        )
