"""Implements the operations on audits of training data."""

from __future__ import annotations

from fairtrial.api.data_audits import ListAudits, StoreAudit, StoredAudit
from fairtrial.store import data_audits
from fairtrial.store.core.query import Query
from gateway.control.context import Context, page_of
from gateway.control.operations.training_data.record_audit import record_audit


def listing(_: Context, request: ListAudits) -> Query:
    return data_audits.listing(page_of(request), deployment=request.deployment)


def store(context: Context, request: StoreAudit) -> StoredAudit:
    context.owner.read_files()
    plan = context.owner.declaration().plan
    found = record_audit(context.database, request, plan, actor=context.actor, now_us=context.now_us)
    return StoredAudit(found.audit_id, found.clean)
