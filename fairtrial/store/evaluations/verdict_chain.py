"""Keeps the evidence of each verdict in a hash chain, so that a changed byte or a removed verdict is detected."""

import hashlib
import json
from collections.abc import Iterator

from msgspec.structs import asdict

from fairtrial.api.verdict_answers import ChainEntry
from fairtrial.domain.errors import NotFound
from fairtrial.domain.limits.canonical_json import json_object
from fairtrial.domain.store_reports import RowProblem
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

LAST = "SELECT number, hash FROM verdict_records ORDER BY number DESC LIMIT 1"
EVIDENCE = "SELECT evidence FROM verdict_records WHERE verdict_id = $1 ORDER BY number LIMIT 1"
STORED = """
SELECT v.verdict::VARCHAR, r.evidence
FROM verdicts v LEFT JOIN verdict_records r ON v.verdict_id = r.verdict_id
WHERE v.verdict_id = $1
ORDER BY r.number
LIMIT 1
"""
CHAIN = """
SELECT r.number, r.verdict_id, r.at_time, r.verdict_sha256, r.evidence_sha256, r.previous, r.hash
FROM verdict_records r
ORDER BY r.number
"""
CONTENT = """
SELECT v.verdict::VARCHAR, r.evidence, epoch_us(v.at_time), v.gate, v.candidate, v.baseline, v.decision, v.headline
FROM verdict_records r LEFT JOIN verdicts v ON v.verdict_id = r.verdict_id
WHERE r.number = $1
"""
TEXTS = "SELECT verdict_id, verdict::VARCHAR FROM verdicts"
SAVED = "SELECT subject, details FROM events WHERE action = 'verdict.save' ORDER BY number"
CHAINED = "chain"
"""The detail of the audit entry of a verdict with the hash of its entry in the chain."""

LISTED = ("at_us", "gate", "candidate", "baseline", "decision", "headline")
"""Fields that lists show from columns beside the stored verdict."""


def append(cursor: Cursor, verdict_id: str, *, now_us: int, verdict: str, evidence: bytes) -> str:
    """Append a verdict with its evidence in the caller's transaction; returns the hash of its entry."""
    last = cursor.execute(LAST).fetchone()
    number, previous = (int(last[0]) + 1, str(last[1])) if last else (1, "")
    entry = ChainEntry(
        number=number,
        verdict_id=verdict_id,
        at_us=now_us,
        verdict_sha256=_sha256(verdict.encode()),
        evidence_sha256=_sha256(evidence),
        previous=previous,
        hash="",
    )
    row = asdict(entry) | {"hash": entry.expected_hash(), "at_time": timestamp(now_us), "evidence": evidence}
    del row["at_us"]
    cursor.insert("verdict_records", **row)
    return str(row["hash"])


def evidence_of(database: Database, verdict_id: str) -> bytes | None:
    """The stored evidence; ``None`` for a verdict of an earlier version. Raises `StoreError`."""
    evidence: bytes | None = database.value(EVIDENCE, (verdict_id,))
    return evidence


def stored(database: Database, verdict_id: str) -> tuple[str, bytes | None]:
    """The verdict's text and its evidence exactly as stored; raises `NotFound` and `StoreError`."""
    rows = database.rows(STORED, (verdict_id,))
    if not rows:
        raise NotFound(f"verdict: there is no verdict with the id {verdict_id!r}", code="verdict_not_found")
    ((verdict, evidence),) = rows
    return str(verdict), None if evidence is None else bytes(evidence)


def entries(database: Database) -> list[ChainEntry]:
    """The whole chain, oldest first, without the evidence; raises `StoreError`."""
    return database.values(ChainEntry, CHAIN)


def problems(database: Database, *, verdict_id: str | None = None) -> Iterator[RowProblem]:
    """Every problem of the chain, and of the content of all verdicts or of one; nothing if all is intact."""
    previous = ""
    for place, entry in enumerate(entries(database), 1):
        wrong = _link_problem(entry, place, previous)
        if wrong:
            yield RowProblem("verdict_records", str(entry.number), f"verdict {entry.verdict_id}: {wrong}")
        previous = entry.hash
        if verdict_id in (None, entry.verdict_id):
            for problem in dict.fromkeys(_content(database, entry)):
                problem = f"verdict {entry.verdict_id}: {problem}"
                yield RowProblem("verdict_records", str(entry.number), problem, str(entry.verdict_id))


def without_entry(database: Database) -> Iterator[RowProblem]:
    """Verdicts whose entry is not in the chain, although the audit trail recorded it or they are official."""
    chained = {entry.verdict_id: entry.hash for entry in entries(database)}
    for verdict_id, text in database.rows(TEXTS):
        if verdict_id not in chained and _is_official(text):
            problem = f"verdict {verdict_id}: it is official and has no place in the hash chain"
            yield RowProblem("verdicts", str(verdict_id), problem, str(verdict_id))
    for verdict_id, text in database.rows(SAVED):
        recorded = (json_object(text) or {}).get(CHAINED)
        if recorded is not None and chained.get(verdict_id) != recorded:
            problem = f"verdict {verdict_id}: the chain does not have the entry that the audit trail recorded"
            yield RowProblem("verdict_records", "", problem, str(verdict_id))


def _link_problem(entry: ChainEntry, place: int, previous: str) -> str:
    if entry.number != place:
        return f"entry {place} of the chain is missing or was renumbered"
    if entry.previous != previous:
        return "it does not follow the entry before it"
    return "" if entry.hash == entry.expected_hash() else "its hash does not match its entry"


def _content(database: Database, entry: ChainEntry) -> Iterator[str]:
    for verdict, evidence, *listed in database.rows(CONTENT, (entry.number,)):
        if verdict is None:
            yield "the verdict was removed"
        elif _sha256(verdict.encode()) != entry.verdict_sha256:
            yield "the verdict was changed after it was stored"
        elif [json.loads(verdict).get(name) for name in LISTED] != listed:
            yield "what lists show of the verdict was changed after it was stored"
        if evidence is None or _sha256(bytes(evidence)) != entry.evidence_sha256:
            yield "the evidence was changed after it was stored"


def _is_official(text: str | None) -> bool:
    provenance = (json_object(text) or {}).get("provenance")
    return isinstance(provenance, dict) and bool(provenance.get("official"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
