"""Implements the operations on recorded requests, feedback and traffic."""

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
from fairtrial.domain.store_reports import AmountHistory, Traffic
from fairtrial.experiments.unit import pseudonym
from fairtrial.store.core import named_values
from fairtrial.store.core.query import Page, Position, Query
from fairtrial.store.traffic import recorded_cases, requests as stored_requests, traffic
from gateway.control.context import Context, Table, page_of


def requests(context: Context, request: ListRequests) -> Table:
    page, position = page_of(request), _position(request.after)
    filters = {name: getattr(request, name) for name in stored_requests.FILTERS}
    if request.user is not None:
        filters["unit"] = pseudonym(named_values.pepper(context.database), request.user.strip())
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
    from fairtrial.store.traffic.costs import compare  # loads the statistics

    page = traffic_page(context, request)
    return compare(context.database, context.owner.declaration().plan, request, page, now_us=context.now_us)
