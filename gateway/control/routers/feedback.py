"""Routes for feedback and its attribution to requests and units."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.traffic import feedback
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, PositionDep, as_pages, as_table

router = APIRouter(
    tags=["feedback"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


@router.get("/feedback")
def listing(
    request: Request,
    background: BackgroundDep,
    page: PageDep,
    position: PositionDep,
    key: str | None = None,
    attribution: str | None = None,
) -> Response:
    """Feedback in a time window with its attribution, newest first; ``next`` starts the next page."""
    query = feedback.listing(page, key=key, attribution=attribution, position=position)
    return as_pages(request, background.database, query, page, "feedback_id")


@router.get("/feedback/attributions")
def attributions(request: Request, background: BackgroundDep, page: PageDep) -> Response:
    """How many values of each key are attributed to a request or a unit, are ambiguous, or match nothing."""
    return as_table(request, background.database, feedback.attributions(page))
