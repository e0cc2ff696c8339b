"""Stores and lists audits of training data for commands, in the open store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairtrial.config.local_user import local_actor
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.training_data import data_audits

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from gateway.control.operations.requests.data_audit import AuditRequest
from fairtrial_cli.store_client.local.conversion import Clock, Row, usage_errors


class LocalDataAudits:
    """Audits in the open store."""

    def __init__(self, database: Database, now_us: Clock) -> None:
        self._database = database
        self._now_us = now_us

    def record(self, result: AuditRequest, project: Project) -> Row:
        from gateway.control.operations.training_data.record_audit import record_audit

        actor = local_actor()
        with usage_errors():
            found = record_audit(self._database, result, project.plan, actor=actor, now_us=self._now_us())
        return {"audit_id": found.audit_id, "clean": found.clean}

    def listing(self, *, deployment: str | None = None, limit: int = 100) -> list[Row]:
        query = data_audits.listing(Page(limit=limit), deployment=deployment)
        rows: list[Row] = msgspec.to_builtins(self._database.dicts(query))
        return rows
