"""Renders the export of a verdict: one HTML page for print, with the stored verdict and its evidence embedded."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from evaluators.comparison.presentation import figures
from evaluators.results.evidence_table import strict_json_of
from fairtrial import html_pages
from fairtrial.api.verdict_answers import RecordParts, VerdictUse
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.promises import WORST_FIRST
from fairtrial.domain.training_data import TrainingEvidence
from fairtrial.domain.verdicts import verdict_json, verdict_wording
from fairtrial.domain.verdicts.approvals import approval_state, reads_as, vote_note
from fairtrial.domain.wording import age, counted
from fairtrial.store.evaluations.verdict_chain import ChainEntry


def render(contents: "ExportContents") -> str:
    """The page; raises `ValueError`, `TypeError` or `KeyError` for contents that the store never had.

    The page follows from its embedded parts alone, so that a check without a store can render it again and compare.
    """
    verdict = verdict_json.decode(contents.verdict)
    record = msgspec.json.decode(contents.record, type=ExportedRecord)
    approvals = approval_state(verdict.approvers, record.approvals.votes)
    ordered = sorted(verdict.findings, key=lambda finding: (not finding.decisive, WORST_FIRST.index(finding.result)))
    return html_pages.render(
        "verdict_export.html",
        title=verdict_wording.titled(reads_as(verdict.decision, approvals), official=verdict.official),
        headline=verdict_wording.titled(verdict.headline, official=verdict.official),
        scope=verdict_wording.scope_lines(verdict),
        standing=verdict_wording.standing_word(official=verdict.official),
        why=verdict.standing.partition(":")[2],
        contents=contents,
        entries=contents.entries,
        verdict=verdict,
        record=record,
        approvals=approvals,
        findings=[finding for finding in ordered if not verdict_wording.is_unasked(finding)],
        changes_title=BLOCK_TITLE,
        changes=list(verdict_wording.unasked_lines(verdict.findings)),
        figures=list(figures(verdict.findings)),
        training=_training(None if verdict.provenance is None else verdict.provenance.training),
        releases=[(_action(release), release) for release in record.releases],
        parts=[(name, base64.b64encode(content).decode()) for name, content in _parts(contents)],
        age=age,
        counted=counted,
        distinct=_distinct,
        vote_note=vote_note,
    )


def _parts(contents: "ExportContents") -> Iterator[tuple[str, bytes]]:
    yield "record", contents.record.encode()
    yield "verdict", contents.verdict.encode()
    if contents.evidence is not None and contents.chain is not None:
        yield "evidence", contents.evidence
        yield "chain", contents.chain.encode()


def _action(release: VerdictUse) -> str:
    evidence = json.loads(release.evidence or "{}")
    missing = "; ".join(evidence.get("missing", ()))
    overridden = evidence.get("override")
    return f"{release.action}, although something was missing: {missing}" if overridden else release.action


def _training(training: TrainingEvidence | None) -> dict[str, Any] | None:
    if training is None:
        return None
    return {
        "terms": verdict_wording.lineage_terms(training),
        "files": verdict_wording.data_rows(training),
        "audit": verdict_wording.audit_sentence(training),
    }


def _distinct(names: Iterable[str | None], unknown: str) -> str:
    return ", ".join(dict.fromkeys(name or unknown for name in names))


class ExportedRecord(RecordParts, frozen=True, kw_only=True):
    """The release record at the time of the export. ``program``: the version that made the page."""

    program: str


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
        return () if self.chain is None else tuple(ChainEntry(**entry) for entry in json.loads(self.chain))

    @property
    def evidence_text(self) -> str | None:
        """The evidence as JSON; raises `UnreadableEvidence`."""
        return None if self.evidence is None else strict_json_of(self.evidence)


def chain_text(entries: Sequence[ChainEntry]) -> str:
    """Entries of the chain as JSON, one on each line. Equal entries always give equal text."""
    return "[\n" + ",\n".join(compact_json(asdict(entry)) for entry in entries) + "\n]\n"


def compact_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
