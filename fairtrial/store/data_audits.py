"""Keeps audits of training data as rows that are only added, each with its entry in the audit trail."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fairtrial.domain.errors import NotFound, StoreError, printable
from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.training_data import AuditFile, AuditFinding, CheckCount, DataAudit, WaivedCount, data_digests
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query, timestamp

SAME = ("audit_id", "deployment", "actor", "version", "program", "seconds", "clean")
"""Columns with the names of the fields."""
COLUMNS = (
    "audit_id, at_time, deployment, actor, version, program, seconds, files, counts, coalesce(waived, '[]') AS waived"
)
OF_DATA = f"""
SELECT {COLUMNS}
FROM data_audits
WHERE data_digest = $1
ORDER BY number DESC
"""  # noqa: S608 - a constant
NEWEST_OF_DEPLOYMENT = f"""
SELECT {COLUMNS}
FROM data_audits
WHERE deployment = $1
ORDER BY number DESC
LIMIT 1
"""  # noqa: S608 - a constant
OF_DEPLOYMENT = f"""
SELECT {COLUMNS}
FROM data_audits
WHERE deployment IS NOT DISTINCT FROM $1 AND number <= (SELECT max(number) FROM data_audits WHERE audit_id = $2)
ORDER BY number DESC
LIMIT 2
"""  # noqa: S608 - a constant
FINDINGS = "SELECT coalesce(findings, '[]') FROM data_audits WHERE audit_id = $1"
DEPLOYMENT = "SELECT deployment FROM data_audits WHERE audit_id = $1"
LIST = """
SELECT audit_id, at_time, deployment, actor, version, program, seconds, clean,
    from_json(files, '[{"path": "VARCHAR", "role": "VARCHAR", "sha256": "VARCHAR", "rows": "BIGINT",
        "format": "VARCHAR"}]') AS files,
    from_json(counts, '[{"check": "VARCHAR", "severity": "VARCHAR", "issues": "BIGINT", "rows": "BIGINT"}]') AS counts,
    from_json(coalesce(waived, '[]'), '[{"count": {"check": "VARCHAR", "severity": "VARCHAR", "issues": "BIGINT",
        "rows": "BIGINT"}, "waiver": {"check": "VARCHAR", "kind": "VARCHAR", "rows": ["VARCHAR"], "all": "BOOLEAN",
        "reason": "VARCHAR", "owner": "VARCHAR", "until": "VARCHAR"}}]') AS waived
FROM data_audits
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR deployment = $3)
ORDER BY number DESC
LIMIT $4 OFFSET $5
"""


def save(database: Database, data_audit: DataAudit, findings: Sequence[AuditFinding] = ()) -> None:
    """Store an audit with its findings, and record in the audit trail who stored it."""
    row = {name: getattr(data_audit, name) for name in SAME} | {"at_time": timestamp(data_audit.at_us)}
    row |= {name: json.dumps(msgspec.to_builtins(getattr(data_audit, name))) for name in ("files", "counts", "waived")}
    row["findings"] = json.dumps(msgspec.to_builtins(findings))
    with database.transaction() as cursor:
        cursor.append("data_audits", row | {"data_digest": digest_of(data_audit.digests)})
        details: dict[str, Any] = {
            "deployment": data_audit.deployment,
            "clean": data_audit.clean,
            "data": digest_of(data_audit.digests),
        }
        if data_audit.waived:
            details["waived"] = [part.says for part in data_audit.waived]
        audit.append(
            cursor,
            now_us=data_audit.at_us,
            actor=data_audit.actor,
            action="data.audit",
            subject=data_audit.audit_id,
            details=details,
        )


def record_copy(database: Database, audit_id: str, details: Mapping[str, Any], *, actor: str, now_us: int) -> None:
    """Record in the audit trail who took a cleaned copy of an audited file."""
    with database.transaction() as cursor:
        audit.append(cursor, now_us=now_us, actor=actor, action="data.copy", subject=audit_id, details=dict(details))


def newest_of_data(database: Database, files: Iterable[tuple[str, str]]) -> DataAudit | None:
    """The newest audit of exactly these files, given by role and digest; raises `StoreError`.

    An earlier one counts instead if it found rows of a suite that no later audit compared with the files.
    """
    audits = _audits(database, OF_DATA, digest_of(data_digests(files)))
    compared: set[str] = set()
    for stored in audits:
        if stored.leaks and not stored.suites <= compared:
            return stored
        compared |= stored.suites
    return audits[0] if audits else None


def newest_of_deployment(database: Database, deployment: str) -> DataAudit | None:
    """The newest audit of a deployment's data, whatever the files were; raises `StoreError`."""
    return next(iter(_audits(database, NEWEST_OF_DEPLOYMENT, deployment)), None)


def with_previous(database: Database, audit_id: str) -> tuple[DataAudit, DataAudit | None]:
    """An audit, and the one before it of the same deployment; raises `NotFound` and `StoreError`."""
    known = database.rows(DEPLOYMENT, (audit_id,))
    if not known:
        raise NotFound(f"there is no data audit {printable(audit_id)!r}")
    newest, *before = database.values(_audit, OF_DEPLOYMENT, (known[0][0], audit_id))
    return newest, before[0] if before else None


def findings_of(database: Database, audit_id: str) -> tuple[AuditFinding, ...]:
    """The findings of an audit, none of an audit of an earlier version; raises `StoreError`."""
    try:
        return msgspec.json.decode(database.value(FINDINGS, (audit_id,)), type=tuple[AuditFinding, ...])
    except (ValueError, msgspec.MsgspecError) as error:
        raise StoreError(f"data_audits: the findings of {audit_id} are damaged ({error})") from error


def listing(page: Page, *, deployment: str | None = None) -> Query:
    """Audits of a time window, newest first."""
    return Query(LIST, (page.since, page.until, deployment, page.rows, page.offset))


def digest_of(digests: Iterable[tuple[str, str]]) -> str:
    """Identifies a set of files by their roles and contents, whatever their names are."""
    return sha256_of_json(list(digests))


def _audits(database: Database, sql: str, parameter: str) -> list[DataAudit]:
    return database.values(_audit, sql, (parameter,))


def _audit(audit_id: str, files: str, counts: str, waived: str, **known: Any) -> DataAudit:
    try:
        return DataAudit(
            audit_id=audit_id,
            **known,
            files=msgspec.json.decode(files, type=tuple[AuditFile, ...]),
            counts=msgspec.json.decode(counts, type=tuple[CheckCount, ...]),
            waived=msgspec.json.decode(waived, type=tuple[WaivedCount, ...]),
        )
    except (ValueError, msgspec.MsgspecError) as error:
        raise StoreError(f"data_audits: the audit {audit_id} is damaged ({error})") from error
