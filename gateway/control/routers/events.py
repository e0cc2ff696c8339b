"""Routes for the audit trail."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.access import audit
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(
    tags=["events"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


@router.get("/events")
def listing(request: Request, background: BackgroundDep, page: PageDep) -> Response:
    """Audit entries in a time window, newest first."""
    return as_table(request, background.database, audit.listing(page))


@router.get("/events/chain")
def chain(background: BackgroundDep) -> Response:
    """Whether the hash chain of the audit trail is intact."""
    broken = audit.first_broken_entry(background.database)
    return as_json({"whole": broken is None, "broken_at": broken})
