"""Declares the operations on recorded requests, feedback and traffic."""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from msgspec import Meta

from fairtrial.api.cost_answers import CompareCosts, CostReport
from fairtrial.api.operation import Answer, Operation, Request, Text, TrafficWindow, Window
from fairtrial.api.traffic_answers import (
    AttributedFeedback,
    FeedbackRow,
    RecordedRequest,
    RequestRow,
    RouteTraffic,
    TrafficSample,
    UnitArrivals,
)
from fairtrial.domain.estimates import ServedBefore
from fairtrial.domain.store_reports import AmountHistory, Traffic

After = Annotated[str, Meta(max_length=200, pattern=r"^\d{1,16}:.+$", description="`next` of the previous page")]
Amount = Literal["requests.tokens", "cost.per_request", "cost.per_unit"]
LeftOut = Literal[
    "suites", "other_route", "other_endpoint", "error", "not_captured", "erased", "too_large", "tools", "choices",
    "continued", "no_question", "no_text"
]  # fmt: skip
"""Why a recorded request can't be a case of a suite, see `LEFT_OUT`."""
LEFT_OUT: Mapping[LeftOut, str] = {
    "suites": "asked by a suite, a judge or a probe, or pinned by its caller",
    "other_route": "its route is not in the project file",
    "other_endpoint": "an endpoint other than chats and responses",
    "error": "not answered by this deployment alone",
    "not_captured": "no bodies were captured",
    "erased": "its texts were deleted by an erasure or by retention",
    "too_large": "a body is missing or too large",
    "tools": "it has tools",
    "choices": "it requested several choices",
    "continued": "it continues an earlier response",
    "no_question": "it doesn't end with a question in text",
    "no_text": "the answer has no text",
}
AMOUNTS: tuple[Amount, ...] = get_args(Amount)


class ListRequests(Window, frozen=True, kw_only=True):
    """Requests in a time window.

    ``user``: as the application names it, of which the store knows only the pseudonym; ``unit``: that pseudonym.
    ``tag``: such as ``team=search``.
    """

    experiment: str | None = None
    variant: str | None = None
    outcome: str | None = None
    route: str | None = None
    deployment: str | None = None
    key_id: str | None = None
    status: int | None = None
    user: str | None = None
    unit: str | None = None
    tag: str | None = None
    provider_request_id: str | None = None
    min_cost: Annotated[float, Meta(ge=0, description="US dollars")] | None = None
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


class AnsweredBy(Request, frozen=True, kw_only=True):
    """A deployment, and the routes whose requests count."""

    deployment: Text
    routes: Annotated[tuple[str, ...], Meta(max_length=1000)]


class SampleTraffic(AnsweredBy, frozen=True, kw_only=True):
    """Which deployment's answers, on which routes, and how many."""

    count: Annotated[int, Meta(ge=1, le=5000)]


class LeftOutRequests(Answer, frozen=True, kw_only=True):
    """How many requests can't be cases for one reason."""

    left_out: LeftOut
    requests: int


class RoutesOf(Request, frozen=True, kw_only=True):
    """Routes."""

    routes: Annotated[tuple[str, ...], Meta(max_length=1000)]


class AmountsBefore(ServedBefore, Request, frozen=True, kw_only=True):
    """Whose requests count: the control's in its experiment, and its deployment's on this route outside it."""

    metric: Annotated[tuple[Amount, ...], Meta(max_length=3)]


requests = Operation(
    name="traffic.requests",
    method="GET",
    path="/requests",
    role="release-manager",
    request=ListRequests,
    response=list[RequestRow],
    kind="table",
    description="Requests in a time window without bodies, newest first; ``next`` starts the next page.",
)
request = Operation(
    name="traffic.request",
    method="GET",
    path="/requests/{request_id}",
    role="release-manager",
    request=NameRequest,
    response=RecordedRequest,
    description="One request with its bodies, attempts and exposures.",
)
samples = Operation(
    name="traffic.samples",
    method="GET",
    path="/traffic/samples",
    role="release-manager",
    request=SampleTraffic,
    response=list[TrafficSample],
    kind="table",
    description="Recorded exchanges of a deployment with their bodies, as cases of a suite: each prompt once, in "
    "proportion by route and week.",
)
left_out = Operation(
    name="traffic.left_out",
    method="GET",
    path="/traffic/left-out",
    role="release-manager",
    request=AnsweredBy,
    response=list[LeftOutRequests],
    kind="table",
    description="How many recorded requests of a deployment can't be cases of a suite, by reason.",
)
arrivals = Operation(
    name="traffic.arrivals",
    method="GET",
    path="/traffic/arrivals",
    role="release-manager",
    request=RoutesOf,
    response=UnitArrivals,
    description="How many units these routes had in the last two weeks (`both`) and in the last one (`last`). The "
    "planner uses it.",
)
feedback = Operation(
    name="traffic.feedback",
    method="GET",
    path="/feedback",
    role="release-manager",
    request=ListFeedback,
    response=list[FeedbackRow],
    kind="table",
    description="Feedback in a time window with its attribution, newest first; ``next`` starts the next page.",
)
attributions = Operation(
    name="traffic.attributions",
    method="GET",
    path="/feedback/attributions",
    role="release-manager",
    request=Window,
    response=list[AttributedFeedback],
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
    response=list[RouteTraffic],
    kind="table",
    description="Traffic by route and deployment.",
)
costs = Operation(
    name="traffic.costs",
    method="GET",
    path="/experiments/{name}/cost",
    role="auditor",
    request=CompareCosts,
    response=CostReport,
    description="What the variants of an experiment cost a request, and from which volume a fine-tune pays.",
)
