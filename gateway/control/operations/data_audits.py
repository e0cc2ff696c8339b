"""Implements the operations on audits of training data."""

from importlib.metadata import version

from fairtrial.api.data_audits import (
    AuditDetails,
    AuditedRows,
    FixedCopy,
    ListAudits,
    NameAudit,
    RowsOf,
    StoreAudit,
    StoredAudit,
)
from fairtrial.domain.errors import BadRequest, nearest
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.plan import Plan
from fairtrial.domain.training_data import DataAudit
from fairtrial.store import data_audits
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from gateway.control.context import Context, EncodedAnswer, page_of

PRIVATE_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def listing(_: Context, request: ListAudits) -> Query:
    return data_audits.listing(page_of(request), deployment=request.deployment)


def one(context: Context, request: NameAudit) -> AuditDetails:
    from gateway.control.training_files import described

    audit, previous = data_audits.with_previous(context.database, request.audit_id)
    return described(audit, previous, data_audits.findings_of(context.database, request.audit_id))


def rows(context: Context, request: RowsOf) -> AuditedRows:
    from gateway.control.training_files import row_groups

    context.owner.read_files()
    audit, _ = data_audits.with_previous(context.database, request.audit_id)
    findings = data_audits.findings_of(context.database, request.audit_id)
    declared = context.owner.declaration()
    return row_groups(declared.plan, declared.root, audit, findings, request)


def fixed(context: Context, request: FixedCopy) -> EncodedAnswer:
    from gateway.control.training_files import fixed_copy

    context.owner.read_files()
    audit, _ = data_audits.with_previous(context.database, request.audit_id)
    declared = context.owner.declaration()
    content, counts = fixed_copy(declared.plan, declared.root, audit, request)
    details = {"file": audit.files[request.file].path, "apply": request.apply, "counts": counts}
    data_audits.record_copy(context.database, audit.audit_id, details, actor=context.actor, now_us=context.now_us)
    return EncodedAnswer(content, "application/x-ndjson", PRIVATE_HEADERS)


def store(context: Context, request: StoreAudit) -> StoredAudit:
    context.owner.read_files()
    plan = context.owner.declaration().plan
    audit = record_audit(context.database, request, plan, actor=context.actor, now_us=context.now_us)
    return StoredAudit(audit.audit_id, audit.clean)


def record_audit(database: Database, request: StoreAudit, plan: Plan, *, actor: str, now_us: int) -> DataAudit:
    """Store the audit with its entry in the audit trail; raises `BadRequest` for an unknown deployment."""
    if request.deployment is not None and request.deployment not in plan.deployments:
        known = nearest(request.deployment, plan.deployments)
        raise BadRequest(f"data audit: the deployment {request.deployment!r} does not exist ({known})")
    audit = DataAudit(
        audit_id=id_at(now_us),
        at_us=now_us,
        deployment=request.deployment,
        actor=actor,
        version=request.version,
        program=version("fairtrial"),
        seconds=request.seconds,
        files=request.files,
        counts=request.counts,
        waived=request.waived,
    )
    data_audits.save(database, audit, request.findings)
    return audit
