"""Defines what the export of a verdict contains, and reads it from the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import msgspec

from evaluators.gate.evidence.document import strict_json_of
from fairtrial.domain.verdict import Verdict
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdict_chain
from fairtrial.store.evaluations.verdict_chain import ChainEntry
from gateway.control.operations.verdicts.present import Present
from gateway.control.operations.verdicts.release.release_record import release_record

KEPT_APART = ("verdict", "chain")
"""Parts of a release record that an export contains as stored."""


@dataclass(frozen=True, slots=True)
class ExportContents:
    """The parts of an export as text and bytes, exactly as they are embedded.

    ``verdict``: the stored JSON. ``evidence``: the stored bytes. ``chain``: JSON with the verdict's own entry of the
    hash chain and every later one, so that its last entry is the head. The last two are ``None`` for a verdict of an
    earlier version. ``record``: JSON with the rest of the release record at the time of the export.
    """

    verdict: str
    record: str
    evidence: bytes | None = None
    chain: str | None = None

    @property
    def record_sha256(self) -> str:
        """The digest of the record, which the page shows."""
        return hashlib.sha256(self.record.encode()).hexdigest()

    @property
    def entries(self) -> tuple[ChainEntry, ...]:
        """The verdict's own entry of the chain and the later ones; raises `ValueError` or `TypeError`."""
        return () if self.chain is None else tuple(ChainEntry(**one) for one in json.loads(self.chain))

    @property
    def evidence_text(self) -> str | None:
        """The evidence as JSON; raises `UnreadableEvidence`."""
        return None if self.evidence is None else strict_json_of(self.evidence)


def read_contents(database: Database, verdict: Verdict, present: Present) -> ExportContents:
    """The contents of a stored verdict's export; raises `StoreError`."""
    record = msgspec.json.decode(msgspec.json.encode(release_record(database, verdict, present)), type=dict[str, Any])
    shown = {name: value for name, value in record.items() if name not in KEPT_APART}
    entries = verdict_chain.entries(database)
    from_own = [one for one in entries if one.number >= _number(entries, verdict.verdict_id)]
    text, evidence = verdict_chain.stored(database, verdict.verdict_id)
    return ExportContents(
        text,
        _compact({"program": version("fairtrial"), **shown}),
        evidence,
        chain_text(from_own) if evidence is not None else None,
    )


def chain_text(entries: Sequence[ChainEntry]) -> str:
    """Entries of the chain as JSON, one on each line. Equal entries always give equal text."""
    return "[\n" + ",\n".join(_compact(asdict(one)) for one in entries) + "\n]\n"


def _number(entries: Sequence[ChainEntry], verdict_id: str) -> int:
    return next((one.number for one in entries if one.verdict_id == verdict_id), len(entries) + 1)


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
