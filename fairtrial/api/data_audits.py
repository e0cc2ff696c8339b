"""Declares the operations on audits of training data."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from fairtrial.api.operation import Operation, Rows
from fairtrial.api.window import Request, Text, Window
from fairtrial.domain.training_data import AuditFile, CheckCount

MOST_FILES, MOST_COUNTS = 1000, 1000


class ListAudits(Window, frozen=True, kw_only=True):
    """Audits in a time window."""

    deployment: str | None = None


# Control adds the other fields of `DataAudit`: the id, the time, the sender and its own version.
class StoreAudit(Request, frozen=True, kw_only=True):
    """The result of `fairtrial data audit`. ``version``: of its checks. ``seconds``: how long it took."""

    deployment: Text | None = None
    version: Annotated[str, Meta(min_length=1, max_length=50)]
    seconds: Annotated[float, Meta(ge=0, le=1e7)]
    files: Annotated[tuple[AuditFile, ...], Meta(min_length=1, max_length=MOST_FILES)]
    counts: Annotated[tuple[CheckCount, ...], Meta(max_length=MOST_COUNTS)]


class StoredAudit(msgspec.Struct, frozen=True):
    """A stored audit, and whether it is clean."""

    audit_id: str
    clean: bool


listing = Operation(
    name="data_audits.listing",
    method="GET",
    path="/data-audits",
    role="release-manager",
    request=ListAudits,
    response=Rows,
    kind="table",
    description="Audits of training data in a time window, newest first: files by digest, and counts by check and "
    "severity.",
)
store = Operation(
    name="data_audits.store",
    method="POST",
    path="/data-audits",
    role="release-manager",
    request=StoreAudit,
    response=StoredAudit,
    status=201,
    description="Store the result of `fairtrial data audit`. Control does not read the files; it records who sent the "
    "result.",
)
