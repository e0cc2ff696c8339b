"""Defines what the export of a verdict contains."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluators.gate.evidence.tables import strict_json_of
from fairtrial.store.evaluations.verdict_chain import ChainEntry


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


def chain_text(entries: Sequence[ChainEntry]) -> str:
    """Entries of the chain as JSON, one on each line. Equal entries always give equal text."""
    return "[\n" + ",\n".join(compact_json(asdict(one)) for one in entries) + "\n]\n"


def compact_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
