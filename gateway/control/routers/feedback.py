"""Feedback as it came, and what it is about."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.traffic import feedback
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.responses import TheKeeper, ThePage, ThePosition, as_pages, as_table

router = APIRouter(tags=["feedback"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/feedback")
def listing(
    request: Request,
    keeper: TheKeeper,
    page: ThePage,
    position: ThePosition,
    key: str | None = None,
    attribution: str | None = None,
) -> Response:
    """Feedback of a window, newest first, with what it was found to be about; ``next`` begins the page after this."""
    query = feedback.listing(page, key=key, attribution=attribution, position=position)
    return as_pages(request, keeper.database, query, page, "feedback_id")


@router.get("/feedback/attributions")
def attributions(request: Request, keeper: TheKeeper, page: ThePage) -> Response:
    """How many values of each key count for a request or a unit, are ambiguous, or match nothing."""
    return as_table(request, keeper.database, feedback.attributions(page))
