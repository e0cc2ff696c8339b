"""Declares the operations on the history of published configurations."""

from typing import Annotated, Any

from msgspec import Meta, field

from fairtrial.api.operation import Answer, Operation, Request, Time, Window
from fairtrial.domain.settings import ExperimentState


class PlanAt(Request, frozen=True, kw_only=True):
    """A time in the past."""

    at: Annotated[str, Meta(description="ISO 8601, by default UTC")]


class ComparePlans(Request, frozen=True, kw_only=True):
    """Two published configurations, each by its hash or the beginning of it."""

    old: str = field(name="from")
    new: str = field(name="to")


class NamePlan(Request, frozen=True, kw_only=True):
    """A published configuration, by its hash or the beginning of it."""

    plan_hash: str


class Publication(Answer, frozen=True, kw_only=True):
    """A published configuration; without an ``actor`` it came from a change of the project file."""

    number: int
    at_time: Time
    plan_hash: str
    actor: str | None


class FieldDifference(Answer, frozen=True, kw_only=True):
    """A field that differs, with its JSON values; ``None`` where a configuration lacks it."""

    path: str
    old: Any
    new: Any


class ServedVariant(Answer, frozen=True, kw_only=True):
    """What answered ``percent`` of a route's units; ``overrides``: whether the variant sets a prompt or parameters."""

    deployment: str
    model: str
    percent: float
    variant: str | None = None
    overrides: bool = False


class PublishedExperiment(Answer, frozen=True, kw_only=True):
    """The state of an experiment in a published configuration. An `ExperimentStatus` is that of the store and the file,
    either of which may lack the experiment.
    """

    name: str
    state: ExperimentState
    stage: Annotated[float, Meta(description="percent of the units that are enrolled")]
    control: str
    segment: int
    serves: str | None


class ServedExperiment(PublishedExperiment, frozen=True, kw_only=True):
    """An experiment as it was published at a time. ``split``: weights by variant."""

    split: dict[str, float]


class ServedRoute(Answer, frozen=True, kw_only=True):
    """What a route served, without fallbacks after failures and forced variants."""

    route: str
    fallback: str | None
    experiment: ServedExperiment | None
    serves: list[ServedVariant]


class ServedThen(Answer, frozen=True, kw_only=True):
    """The configuration that was in force at a time; ``until`` is ``None`` for the newest."""

    plan_hash: str
    since: Time
    until: Time | None
    actor: str | None
    routes: list[ServedRoute]


listing = Operation(
    name="plans.listing",
    method="GET",
    path="/plans",
    role="release-manager",
    request=Window,
    response=list[Publication],
    kind="table",
    description="Publications of configurations in a time window, newest first; a change of the file has no actor.",
)
at_time = Operation(
    name="plans.at_time",
    method="GET",
    path="/plans/at",
    role="release-manager",
    request=PlanAt,
    response=ServedThen,
    description="The configuration that was in force at a time, since when, and which deployments each route served "
    "with which shares.\n\n404 says that none was published by then. A time in the future is refused.",
)
difference = Operation(
    name="plans.difference",
    method="GET",
    path="/plans/diff",
    role="release-manager",
    request=ComparePlans,
    response=list[FieldDifference],
    kind="table",
    description="The fields in which two published configurations differ; each is named by its hash or the beginning "
    "of it.",
)
one = Operation(
    name="plans.one",
    method="GET",
    path="/plans/{plan_hash}",
    role="release-manager",
    request=NamePlan,
    response=bytes,
    kind="file",
    description="One published configuration without secrets as JSON, by its hash or the beginning of it. It is as it "
    "was published, so that an older one has the fields of its version.",
)
