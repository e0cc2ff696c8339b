"""Routes for the history of plans: list publications, show one plan, and compare two."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from fairtrial.config.plan.plan_diff import plan_diff
from fairtrial.store.experiments import published_plans
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(tags=["plans"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))])


@router.get("/plans")
def listing(request: Request, background: BackgroundDep, page: PageDep) -> Response:
    """Publications of plans in a time window, newest first; a change of the file has no actor."""
    return as_table(request, background.database, published_plans.listing(page))


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
