"""Requests: what was asked, by whom served, how it ended."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.traffic import requests
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.errors import absent
from gateway.control.responses import TheKeeper, ThePage, ThePosition, as_json, as_pages

router = APIRouter(tags=["requests"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/requests")
def listing(
    request: Request,
    keeper: TheKeeper,
    page: ThePage,
    position: ThePosition,
    experiment: str | None = None,
    variant: str | None = None,
    outcome: str | None = None,
) -> Response:
    """Requests of a window, newest first, without bodies; ``next`` begins the page after this one."""
    if position is None:
        page = requests.skip(keeper.database, page, experiment=experiment, variant=variant, outcome=outcome)
    query = requests.listing(page, experiment=experiment, variant=variant, outcome=outcome, position=position)
    return as_pages(request, keeper.database, query, page, "request_id")


@router.get("/requests/{request_id}")
def one(keeper: TheKeeper, request_id: str) -> Response:
    """One request with bodies, attempts and exposures."""
    found = requests.one(keeper.database, request_id)
    if found is None:
        raise absent("request", request_id)
    return as_json(found)
