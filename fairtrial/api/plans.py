"""Declares the operations on the history of published configurations."""

from typing import Annotated

from msgspec import Meta, field

from fairtrial.api.operation import Operation, Request, Row, Rows, Window


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


listing = Operation(
    name="plans.listing",
    method="GET",
    path="/plans",
    role="release-manager",
    request=Window,
    response=Rows,
    kind="table",
    description="Publications of configurations in a time window, newest first; a change of the file has no actor.",
)
at_time = Operation(
    name="plans.at_time",
    method="GET",
    path="/plans/at",
    role="release-manager",
    request=PlanAt,
    response=Row,
    description="The configuration that was in force at a time, since when, and which deployments each route served "
    "with which shares.\n\n404 says that none was published by then. A time in the future is refused.",
)
difference = Operation(
    name="plans.difference",
    method="GET",
    path="/plans/diff",
    role="release-manager",
    request=ComparePlans,
    response=Rows,
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
    response=Row,
    description="One published configuration without secrets, by its hash or the beginning of it.",
)
