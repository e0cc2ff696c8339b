"""Gates that have judged: each with its last verdict."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.evaluations import verdicts
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.responses import TheKeeper, ThePage, as_table

router = APIRouter(tags=["gates"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/gates")
def listing(request: Request, keeper: TheKeeper, page: ThePage) -> Response:
    """The newest verdict of each gate and candidate."""
    return as_table(request, keeper.database, verdicts.newest(page))
