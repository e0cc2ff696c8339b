"""The route that lists each gate with its newest verdict."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.evaluations import verdicts
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, as_verdicts

router = APIRouter(tags=["gates"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))])


@router.get("/gates")
def listing(request: Request, background: BackgroundDep, page: PageDep) -> Response:
    """The newest verdict of each gate and candidate."""
    return as_verdicts(request, background, verdicts.newest(page))
