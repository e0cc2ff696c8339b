"""Declares the operations on shadows: copies of a route's requests for a candidate whose answers nobody gets."""

from typing import Annotated

from msgspec import Meta

from fairtrial.api.operation import Answer, Nothing, Operation, Request, Text, Time
from fairtrial.domain.decision.shadow import ShadowMetric
from fairtrial.domain.limits.spending import NO_LIMIT, Limit


class StartShadow(Request, frozen=True, kw_only=True):
    """The baseline and the candidate, and the route that the baseline serves, if it serves several."""

    deployments: tuple[Text, Text]
    share: Annotated[float, Meta(gt=0, le=100, description="percent")] = 100.0
    limit: Limit = NO_LIMIT
    route: Text | None = None


class StopShadow(Request, frozen=True, kw_only=True):
    """The route whose shadow ends."""

    route: Text


class ShadowSpending(Answer, frozen=True, kw_only=True):
    """What the copies have spent; calls in progress count with what was reserved for them. ``reached``: today."""

    usd: float
    usd_today: float
    requests_today: int
    tokens_today: int
    limit: str
    reached: bool


class ShadowStatus(Answer, frozen=True, kw_only=True):
    """A shadow. ``failed``: copies that the candidate did not answer. ``dropped``: copies not sent, by overload.

    ``held``: why nothing may be concluded; ``lines``: all of it for people.
    """

    shadow_id: str
    route: str
    baseline: str
    candidate: str
    share: float
    running: bool
    since: Time | None
    pairs: int
    units: int
    failed: int
    dropped: int
    spending: ShadowSpending
    metrics: tuple[ShadowMetric, ...] = ()
    held: str = ""
    lines: tuple[str, ...] = ()


start = Operation(
    name="shadows.start",
    method="POST",
    path="/shadows",
    role="release-manager",
    request=StartShadow,
    response=ShadowStatus,
    description="Copy a share of a route's requests to a candidate. 409 says that the route has a shadow already.",
)
stop = Operation(
    name="shadows.stop",
    method="POST",
    path="/shadows/{route}/stop",
    role="release-manager",
    request=StopShadow,
    response=ShadowStatus,
    description="End the shadow of a route. Its pairs stay.",
)
listing = Operation(
    name="shadows.listing",
    method="GET",
    path="/shadows",
    role="release-manager",
    request=Nothing,
    response=list[ShadowStatus],
    kind="table",
    description="The newest shadow of each route, with its pairs, its spending and what it shows.",
)
