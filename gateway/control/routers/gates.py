"""Gates that have judged: each with its last verdict."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store import verdicts
from gateway.control.answers import TheKeeper, ThePage, as_table
from gateway.control.guard import Guarded, needs

router = APIRouter(tags=["gates"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/gates")
def listing(request: Request, keeper: TheKeeper, page: ThePage) -> Response:
    """The newest verdict of each gate and candidate."""
    return as_table(request, keeper.database, verdicts.newest(page))
