"""Implements the operations on audits of training data."""

from __future__ import annotations

import os
from importlib.metadata import version

from fairtrial.api.data_audits import ListAudits, StoreAudit, StoredAudit
from fairtrial.config.file.errors import nearest
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.names.ids import ENTROPY_BYTES, uuid7
from fairtrial.domain.plan import Plan
from fairtrial.domain.training.data_audit import DataAudit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.training_data import data_audits
from gateway.control.context import Context, page_of


def listing(_: Context, request: ListAudits) -> Query:
    return data_audits.listing(page_of(request), deployment=request.deployment)


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
        audit_id=uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES)),
        at_us=now_us,
        deployment=request.deployment,
        actor=actor,
        version=request.version,
        program=version("fairtrial"),
        seconds=request.seconds,
        files=request.files,
        counts=request.counts,
    )
    data_audits.save(database, audit)
    return audit
