"""Declares the operations on audits of training data."""

from typing import Annotated

import msgspec
from msgspec import Meta

from fairtrial.api.operation import Answer, Offset, Operation, Request, Text, Time, Window
from fairtrial.domain.training_data import MOST_FOUND, AuditFile, AuditFinding, CheckCount, RowText, WaivedCount

MOST_FILES, MOST_COUNTS = 1000, 1000


class ListAudits(Window, frozen=True, kw_only=True):
    """Audits in a time window."""

    deployment: str | None = None


class NameAudit(Request, frozen=True, kw_only=True):
    """One stored audit."""

    audit_id: Text


class RowsOf(NameAudit, frozen=True, kw_only=True):
    """A page of the rows of a finding, which its position in the audit names."""

    finding: Annotated[int, Meta(ge=0, le=10_000)]
    limit: Annotated[int, Meta(ge=1, le=200)] = 20
    offset: Offset = 0


class FixedCopy(NameAudit, frozen=True, kw_only=True):
    """A file by its position in the audit. ``apply``: repairs that are applied, too, although they need a look."""

    file: Annotated[int, Meta(ge=0, le=10_000)] = 0
    apply: Annotated[tuple[Text, ...], Meta(max_length=50)] = ()


# Control adds the other fields of `DataAudit`: the id, the time, the sender and its own version.
class StoreAudit(Request, frozen=True, kw_only=True):
    """The result of `fairtrial data audit`. ``version``: of its checks. ``seconds``: how long it took."""

    deployment: Text | None = None
    version: Annotated[str, Meta(min_length=1, max_length=50)]
    seconds: Annotated[float, Meta(ge=0, le=1e7)]
    files: Annotated[tuple[AuditFile, ...], Meta(min_length=1, max_length=MOST_FILES)]
    counts: Annotated[tuple[CheckCount, ...], Meta(max_length=MOST_COUNTS)]
    waived: Annotated[tuple[WaivedCount, ...], Meta(max_length=MOST_COUNTS)] = ()
    findings: Annotated[tuple[AuditFinding, ...], Meta(max_length=MOST_FOUND)] = ()


class StoredAudit(msgspec.Struct, frozen=True):
    """A stored audit, and whether it is clean."""

    audit_id: str
    clean: bool


class AuditResult(Answer, frozen=True, kw_only=True):
    """An audit without its findings. ``counts``: what no waiver covers. ``seconds``: how long it took.

    Evidence of verdicts fixes the order of a `DataAudit`, which derives ``clean`` and leaves out empty waivers.
    """

    audit_id: str
    deployment: str | None
    actor: str
    version: str
    program: str
    seconds: float
    clean: bool
    files: list[AuditFile]
    counts: list[CheckCount]
    waived: list[WaivedCount]


class AuditRow(AuditResult, frozen=True, kw_only=True):
    """An audit in the listing."""

    at_time: Time


class ShownAudit(AuditResult, frozen=True, kw_only=True):
    """An audit whose findings are shown, too."""

    at_us: int


class AuditBefore(Answer, frozen=True, kw_only=True):
    """The audit of the same deployment before."""

    audit_id: str
    at_us: int


class RowsChange(Answer, frozen=True, kw_only=True):
    """A check or a file with another number of rows than in the audit before; ``None`` where it is missing."""

    what: str
    before: int | None
    now: int | None


class AuditDetails(Answer, frozen=True, kw_only=True):
    """An audit. ``checks``: what each check looks for. ``repairs``: those that `FixedCopy` may apply, too."""

    audit: ShownAudit
    previous: AuditBefore | None
    findings: list[AuditFinding]
    checks: dict[str, str]
    difference: list[RowsChange]
    repairs: list[str]


class AuditedRows(Answer, frozen=True, kw_only=True):
    """A page of rows, those that belong together as one group; ``total``: of groups."""

    groups: list[list[RowText]]
    total: int


listing = Operation(
    name="data_audits.listing",
    method="GET",
    path="/data-audits",
    role="release-manager",
    request=ListAudits,
    response=list[AuditRow],
    kind="table",
    description="Audits of training data in a time window, newest first: files by digest, and counts by check and "
    "severity.",
)
one = Operation(
    name="data_audits.one",
    method="GET",
    path="/data-audits/{audit_id}",
    role="release-manager",
    request=NameAudit,
    response=AuditDetails,
    description="One audit: its findings by lines of rows, its waivers, and what differs from the audit before it.",
)
rows = Operation(
    name="data_audits.rows",
    method="GET",
    path="/data-audits/{audit_id}/rows",
    role="release-manager",
    request=RowsOf,
    response=AuditedRows,
    description="Rows of a finding with their masked texts, read again from the project's file. Refused with 409 if "
    "the file is no longer the one that was audited.",
)
fixed = Operation(
    name="data_audits.fixed",
    method="POST",
    path="/data-audits/{audit_id}/fixed",
    role="release-manager",
    request=FixedCopy,
    response=bytes,
    kind="file",
    description="A cleaned copy of an audited file as JSON Lines. The file itself is not changed, and the audit trail "
    "records who took the copy.",
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
