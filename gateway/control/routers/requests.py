"""Routes for recorded requests."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.traffic import requests
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.errors import not_found
from gateway.control.responses import BackgroundDep, PageDep, PositionDep, as_json, as_pages

router = APIRouter(
    tags=["requests"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


@router.get("/requests")
def listing(
    request: Request,
    background: BackgroundDep,
    page: PageDep,
    position: PositionDep,
    experiment: str | None = None,
    variant: str | None = None,
    outcome: str | None = None,
) -> Response:
    """Requests in a time window without bodies, newest first; ``next`` starts the next page."""
    if position is None:
        page = requests.skip(background.database, page, experiment=experiment, variant=variant, outcome=outcome)
    query = requests.listing(page, experiment=experiment, variant=variant, outcome=outcome, position=position)
    return as_pages(request, background.database, query, page, "request_id")


@router.get("/requests/{request_id}")
def one(background: BackgroundDep, request_id: str) -> Response:
    """One request with its bodies, attempts and exposures."""
    found = requests.find(background.database, request_id)
    if found is None:
        raise not_found("request", request_id)
    return as_json(found)
