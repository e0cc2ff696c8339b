"""Feedback as it came."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from fairtrial.store import feedback
from gateway.control.answers import TheKeeper, ThePage, as_table

router = APIRouter(tags=["feedback"])


@router.get("/feedback")
def listing(request: Request, keeper: TheKeeper, page: ThePage, key: str | None = None) -> Response:
    """Feedback of a window, newest first."""
    return as_table(request, keeper.database, feedback.listing(page, key=key))
