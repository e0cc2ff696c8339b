"""Feedback as it came."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store import feedback
from gateway.control.answers import TheKeeper, ThePage, as_table
from gateway.control.guard import Guarded, needs

router = APIRouter(tags=["feedback"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/feedback")
def listing(request: Request, keeper: TheKeeper, page: ThePage, key: str | None = None) -> Response:
    """Feedback of a window, newest first."""
    return as_table(request, keeper.database, feedback.listing(page, key=key))
