"""Implements the operations on recorded requests, feedback and traffic."""

from msgspec.structs import replace

from fairtrial.api.cost_answers import CompareCosts, CostReport
from fairtrial.api.operation import TrafficWindow, Window
from fairtrial.api.traffic import (
    AmountsBefore,
    AnsweredBy,
    ExperimentTraffic,
    LeftOutRequests,
    ListFeedback,
    ListRequests,
    NameRequest,
    RoutesOf,
    SampleTraffic,
)
from fairtrial.api.traffic_answers import RecordedRequest, UnitArrivals
from fairtrial.domain.errors import existing
from fairtrial.domain.limits.constants import END_OF_TIME_US, MINUTE_US, WEEK_US
from fairtrial.domain.plan import Experiment
from fairtrial.domain.store_reports import AmountHistory, Traffic
from fairtrial.store.core.query import Page, Position, Query
from fairtrial.store.traffic import recorded_cases, requests as stored_requests, traffic
from gateway.control.context import Context, Table, page_of

FEEDBACK = "feedback."


def requests(context: Context, request: ListRequests) -> Table:
    page, position = page_of(request), _position(request.after)
    filters = {"experiment": request.experiment, "variant": request.variant, "outcome": request.outcome}
    if position is None:
        page = stored_requests.skip(context.database, page, **filters)
    query = stored_requests.listing(page, **filters, position=position)
    return Table(query, size=page.rows, id_name="request_id")


def request(context: Context, request: NameRequest) -> RecordedRequest:
    return existing(stored_requests.find(context.database, request.request_id), "request", request.request_id)


def samples(_: Context, request: SampleTraffic) -> Query:
    return recorded_cases.sample(request.deployment, request.routes, request.count)


def left_out(context: Context, request: AnsweredBy) -> list[LeftOutRequests]:
    return recorded_cases.left_out(context.database, request.deployment, request.routes)


def arrivals(context: Context, request: RoutesOf) -> UnitArrivals:
    return traffic.arrivals(context.database, request.routes, now_us=context.now_us)


def feedback(_: Context, request: ListFeedback) -> Table:
    page = page_of(request)
    position = _position(request.after)
    query = stored_requests.feedback(page, key=request.key, attribution=request.attribution, position=position)
    return Table(query, size=page.rows, id_name="feedback_id")


def attributions(_: Context, request: Window) -> Query:
    return stored_requests.attributions(page_of(request))


def by_experiment(context: Context, request: ExperimentTraffic) -> list[Traffic]:
    return traffic.by_variant(context.database, traffic_page(context, request), experiment=request.experiment)


def amounts(context: Context, request: AmountsBefore) -> list[AmountHistory]:
    from fairtrial.store.experiments.sums.control_levels import explained_amounts  # loads the statistics

    return explained_amounts(context.database, request, request.metric, now_us=context.owner.clock.now().now_us)


def by_route(context: Context, request: TrafficWindow) -> Query:
    return traffic.by_route(context.database, traffic_page(context, request))


def traffic_page(context: Context, request: TrafficWindow) -> Page:
    """The time window and page; the last week, to the minute, unless there is a start."""
    since_us = request.since_us
    if since_us is None:
        since_us = max(0, (context.now_us - WEEK_US) // MINUTE_US * MINUTE_US)
    return Page(since_us=since_us, until_us=request.until_us, limit=request.limit, offset=request.offset)


def _position(after: str | None) -> Position | None:
    if after is None:
        return None
    at_us, _, row_id = after.partition(":")
    return Position(min(int(at_us), END_OF_TIME_US), row_id)


def costs(context: Context, request: CompareCosts) -> CostReport:
    from fairtrial.experiments.analysis.costs import Traffic as SpentTraffic, report  # loads the statistics
    from fairtrial.store.traffic import costs as stored_costs

    plan, now_us = context.owner.declaration().plan, context.now_us
    experiment = existing(plan.experiments.get(request.name), "experiment", request.name)
    success = request.success or _success(experiment)
    other = None
    if request.what_if is not None:
        other = existing(plan.deployments.get(request.what_if), "deployment", request.what_if).price_at(now_us)
    page = traffic_page(context, request)
    page = replace(page, until_us=min(page.until_us, now_us))
    with context.database.read_transaction() as cursor:
        first_us = stored_costs.first_request(cursor, experiment.name, page)
        lengths = [] if other is None else [long.above for long in other.long_prompts]
        spent = SpentTraffic(
            page.since_us if first_us is None else max(page.since_us, first_us),
            page.until_us,
            stored_costs.spending(cursor, experiment.name, page, success),
            stored_costs.machine_sums(cursor, page),
            stored_costs.token_groups(cursor, experiment.name, page, lengths) if other is not None else (),
        )
    deployments = {variant.name: plan.deployments[variant.deployment] for variant in experiment.variants}
    found = report(request, spent, deployments, control=experiment.control, success=success, now_us=now_us, other=other)
    return replace(found, deployments=sorted(plan.deployments))


def _success(experiment: Experiment) -> str | None:
    """The feedback key of the primary metric, if it is a yes or no."""
    primary = experiment.primary.metric if experiment.primary is not None else ""
    keys = {metric.key for metric in experiment.feedback if metric.kind == "boolean"}
    key = primary.removeprefix(FEEDBACK)
    return key if primary.startswith(FEEDBACK) and key in keys else None
