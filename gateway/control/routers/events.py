"""Routes for the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from fairtrial.store.access import audit
from fairtrial.store.access.audit import AuditFilter
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(
    tags=["events"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)
Text = Annotated[str | None, Query(max_length=200)]


def _filter(
    actor: Text = None,
    action: Annotated[str | None, Query(max_length=200, description="how the action begins, such as `plan.`")] = None,
    subject: Annotated[str | None, Query(max_length=200, description="part of the subject or of its name")] = None,
) -> AuditFilter:
    return AuditFilter(actor, action, subject)


FilterDep = Annotated[AuditFilter, Depends(_filter)]


@router.get("/events")
def listing(request: Request, background: BackgroundDep, page: PageDep, wanted: FilterDep) -> Response:
    """Audit entries in a time window, newest first. `subject_name` is the name of the subject, if the store has one."""
    return as_table(request, background.database, audit.listing(page, wanted))


@router.get("/events/summary")
def summary(background: BackgroundDep, page: PageDep, wanted: FilterDep) -> Response:
    """The `total` of entries that match in a time window, and every actor and action of the trail."""
    return as_json(audit.summary(background.database, page, wanted))


@router.get("/events/chain")
def chain(background: BackgroundDep) -> Response:
    """Whether the hash chain of the audit trail is intact."""
    broken = audit.first_broken_entry(background.database)
    return as_json({"whole": broken is None, "broken_at": broken})
