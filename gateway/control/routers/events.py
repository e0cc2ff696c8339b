"""The audit trail."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.access import audit
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.responses import TheKeeper, ThePage, as_json, as_table

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
