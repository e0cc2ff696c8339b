"""Declares the operations on recorded requests, feedback and traffic."""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from fairtrial.api.operation import Operation, Request, Row, Rows, Text, TrafficWindow, Window
from fairtrial.domain.store_reports import AmountHistory, Traffic

After = Annotated[str, Meta(max_length=200, pattern=r"^\d{1,16}:.+$", description="`next` of the previous page")]
Amount = Literal["requests.tokens", "cost.per_request", "cost.per_unit"]
AMOUNTS: tuple[Amount, ...] = get_args(Amount)


class ListRequests(Window, frozen=True, kw_only=True):
    """Requests in a time window."""

    experiment: str | None = None
    variant: str | None = None
    outcome: str | None = None
    after: After | None = None


class NameRequest(Request, frozen=True, kw_only=True):
    """A recorded request."""

    request_id: str


class ListFeedback(Window, frozen=True, kw_only=True):
    """Feedback in a time window."""

    key: str | None = None
    attribution: str | None = None
    after: After | None = None


class ExperimentTraffic(TrafficWindow, frozen=True, kw_only=True):
    """Traffic of all experiments, or of one."""

    experiment: str | None = None


class SampleTraffic(Request, frozen=True, kw_only=True):
    """Which deployment's answers, on which routes, and how many."""

    deployment: Text
    routes: Annotated[tuple[str, ...], Meta(max_length=1000)]
    count: Annotated[int, Meta(ge=1, le=5000)]


class RoutesOf(Request, frozen=True, kw_only=True):
    """Routes."""

    routes: Annotated[tuple[str, ...], Meta(max_length=1000)]


class ServedBefore(msgspec.Struct, frozen=True):
    """Whose requests count: the control's in its experiment, and its deployment's on this route outside it."""

    experiment: str
    control: str
    route: str
    deployment: str


class AmountsBefore(ServedBefore, Request, frozen=True, kw_only=True):
    """Whose requests count: the control's in its experiment, and its deployment's on this route outside it."""

    metric: Annotated[tuple[Amount, ...], Meta(max_length=3)]


requests = Operation(
    name="traffic.requests",
    method="GET",
    path="/requests",
    role="release-manager",
    request=ListRequests,
    response=Rows,
    kind="table",
    description="Requests in a time window without bodies, newest first; ``next`` starts the next page.",
)
request = Operation(
    name="traffic.request",
    method="GET",
    path="/requests/{request_id}",
    role="release-manager",
    request=NameRequest,
    response=Row,
    description="One request with its bodies, attempts and exposures.",
)
samples = Operation(
    name="traffic.samples",
    method="GET",
    path="/traffic/samples",
    role="release-manager",
    request=SampleTraffic,
    response=Rows,
    kind="table",
    description="Recorded exchanges of a deployment with their bodies, as cases of a suite: each prompt once, in "
    "proportion by route and week.",
)
arrivals = Operation(
    name="traffic.arrivals",
    method="GET",
    path="/traffic/arrivals",
    role="release-manager",
    request=RoutesOf,
    response=Row,
    description="How many units these routes had in the last two weeks (`both`) and in the last one (`last`). The "
    "planner uses it.",
)
feedback = Operation(
    name="traffic.feedback",
    method="GET",
    path="/feedback",
    role="release-manager",
    request=ListFeedback,
    response=Rows,
    kind="table",
    description="Feedback in a time window with its attribution, newest first; ``next`` starts the next page.",
)
attributions = Operation(
    name="traffic.attributions",
    method="GET",
    path="/feedback/attributions",
    role="release-manager",
    request=Window,
    response=Rows,
    kind="table",
    description="How many values of each key are attributed to a request or a unit, are ambiguous, or match nothing.",
)
by_experiment = Operation(
    name="traffic.by_experiment",
    method="GET",
    path="/traffic",
    role="release-manager",
    request=ExperimentTraffic,
    response=list[Traffic],
    kind="table",
    description="Traffic by experiment and variant (intention to treat).",
)
amounts = Operation(
    name="traffic.amounts",
    method="GET",
    path="/traffic/amounts",
    role="release-manager",
    request=AmountsBefore,
    response=list[AmountHistory],
    kind="table",
    description="Costs and tokens of a control's users in the last 14 days, and how much the 14 days before explain of "
    "them.\n\nThey are the requests of an experiment's control, and those of its deployment on this route outside it. "
    "There is no row for what fewer than 500 users show. The planner uses it.",
)
by_route = Operation(
    name="traffic.by_route",
    method="GET",
    path="/routes",
    role="release-manager",
    request=TrafficWindow,
    response=Rows,
    kind="table",
    description="Traffic by route and deployment.",
)
