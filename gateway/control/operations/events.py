"""Implements the operations on the audit trail."""

from fairtrial.api.events import Chain, EventSummary, ListEvents
from fairtrial.api.operation import Nothing
from fairtrial.store.access import audit
from fairtrial.store.access.audit import AuditFilter
from fairtrial.store.core.query import Query
from gateway.control.context import Context, page_of


def listing(_: Context, request: ListEvents) -> Query:
    return audit.listing(page_of(request), _filter(request))


def summary(context: Context, request: ListEvents) -> EventSummary:
    return audit.summary(context.database, page_of(request), _filter(request))


def chain(context: Context, _: Nothing) -> Chain:
    broken = audit.first_broken_entry(context.database)
    return Chain(whole=broken is None, broken_at=broken)


def _filter(request: ListEvents) -> AuditFilter:
    return AuditFilter(request.actor, request.action, request.subject)
