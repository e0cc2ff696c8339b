"""Routes for audits of training data: list them, and store the result of one."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.training_data import data_audits
from gateway.control.auth.authorization import AuthorizedRoute, ReleaseManager, require_role
from gateway.control.auth.identity import actor_of
from gateway.control.operations.experiments.publisher import published_plan
from gateway.control.operations.requests.data_audit import AuditRequest
from gateway.control.operations.training_data.record_audit import record_audit
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(
    tags=["data audits"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


@router.get("/data-audits")
def listing(request: Request, background: BackgroundDep, page: PageDep, deployment: str | None = None) -> Response:
    """Audits of training data in a time window, newest first: files by digest, and counts by check and severity."""
    return as_table(request, background.database, data_audits.listing(page, deployment=deployment))


@router.post("/data-audits", status_code=201)
def store(background: BackgroundDep, result: AuditRequest, caller: ReleaseManager) -> Response:
    """Store the result of `fairtrial data audit`. Control does not read the files; it records who sent the result."""
    actor = actor_of(caller, background.database.layout)
    background.publisher.refresh()
    plan = published_plan(background.publisher)
    found = record_audit(background.database, result, plan, actor=actor, now_us=background.clock_us())
    return as_json({"audit_id": found.audit_id, "clean": found.clean}, status=201)
