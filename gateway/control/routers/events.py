"""The audit trail."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store import audit
from gateway.control.answers import TheKeeper, ThePage, as_json, as_table
from gateway.control.guard import Guarded, needs

router = APIRouter(tags=["events"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/events")
def listing(request: Request, keeper: TheKeeper, page: ThePage) -> Response:
    """Entries of a window, newest first."""
    return as_table(request, keeper.database, audit.listing(page))


@router.get("/events/chain")
def chain(keeper: TheKeeper) -> Response:
    """Whether each entry still follows from the one before."""
    broken = audit.broken_at(keeper.database)
    return as_json({"whole": broken is None, "broken_at": broken})
