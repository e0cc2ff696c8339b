"""Implements the operations on the audit trail."""

from typing import Any

from fairtrial.api.events import ListEvents
from fairtrial.api.operation import Nothing
from fairtrial.store.access import audit
from fairtrial.store.access.audit import AuditFilter
from fairtrial.store.core.query import Query
from gateway.control.context import Context, page_of


def listing(_: Context, request: ListEvents) -> Query:
    return audit.listing(page_of(request), _filter(request))


def summary(context: Context, request: ListEvents) -> Any:
    return audit.summary(context.database, page_of(request), _filter(request))


def chain(context: Context, _: Nothing) -> dict[str, Any]:
    broken = audit.first_broken_entry(context.database)
    return {"whole": broken is None, "broken_at": broken}


def _filter(request: ListEvents) -> AuditFilter:
    return AuditFilter(request.actor, request.action, request.subject)
