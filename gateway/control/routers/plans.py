"""Routes for the history of plans: list publications, show one plan, and compare two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from fairtrial.config.plan.plan_diff import plan_diff
from fairtrial.domain.errors import BadRequest
from fairtrial.store.core.query import microseconds
from fairtrial.store.experiments import published_plans
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(tags=["plans"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))])


@router.get("/plans")
def listing(request: Request, background: BackgroundDep, page: PageDep) -> Response:
    """Publications of plans in a time window, newest first; a change of the file has no actor."""
    return as_table(request, background.database, published_plans.listing(page))


@router.get("/plans/at")
def at_time(
    background: BackgroundDep, at: Annotated[datetime, Query(description="ISO 8601, by default UTC")]
) -> Response:
    """The plan that was in force at a time, since when, and which deployments each route served with which shares.

    404 says that no plan was published by then. A time in the future is refused.
    """
    return as_json(published_plans.in_force(background.database, _past_us(at, background.clock_us())))


@router.get("/plans/diff")
def difference(
    background: BackgroundDep, from_: Annotated[str, Query(alias="from")], to: Annotated[str, Query()]
) -> Response:
    """The fields in which two published plans differ; each is named by its hash or the beginning of it."""
    old, new = (published_plans.find(background.database, start) for start in (from_, to))
    return as_json({"rows": plan_diff(old, new)})


@router.get("/plans/{plan_hash}")
def one(background: BackgroundDep, plan_hash: str) -> Response:
    """One published plan without secrets, by its hash or the beginning of it."""
    return as_json(published_plans.find(background.database, plan_hash))


def _past_us(at: datetime, now_us: int) -> int:
    """Microseconds since 1970; raises `BadRequest` for the future, because nobody knows what will be served."""
    try:
        utc = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise BadRequest("at: the time is out of range") from error
    at_us = microseconds(utc.replace(tzinfo=None))
    if at_us > now_us:
        raise BadRequest(f"at: {utc:%Y-%m-%d %H:%M:%S} UTC is in the future")
    return at_us
