"""Renders the export of a verdict: one HTML page for print, with the stored verdict and its evidence embedded.

The page follows from its embedded parts alone, so that a check without a store can render it again and compare.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from evaluators.gate.chart_data import figures
from fairtrial import html_pages
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.names.ages import age
from fairtrial.domain.plurals import counted
from fairtrial.domain.storage import verdict_json
from fairtrial.domain.training.evidence import TrainingEvidence
from fairtrial.domain.training.wording import audit_sentence, data_rows, lineage_terms
from fairtrial.domain.verdicts.approvals import Approval, approval_state, reads_as, vote_note
from fairtrial.domain.verdicts.unasked import is_unasked, unasked_lines
from fairtrial.domain.verdicts.wording import standing_word, titled
from gateway.control.operations.verdicts.export.contents import ExportContents

WORST_FIRST = ("invalid", "fail", "cannot tell", "pass")


def render(contents: ExportContents) -> str:
    """The page; raises `ValueError`, `TypeError` or `KeyError` for contents that the store never had."""
    verdict = verdict_json.decode(contents.verdict)
    record = json.loads(contents.record)
    approvals = approval_state(verdict.approvers, tuple(Approval(**one) for one in record["approvals"]["votes"]))
    ordered = sorted(verdict.findings, key=lambda one: (not one.decisive, WORST_FIRST.index(one.result)))
    return html_pages.render(
        "verdict_export.html",
        title=titled(reads_as(verdict.decision, approvals), official=verdict.official),
        headline=titled(verdict.headline, official=verdict.official),
        standing=standing_word(official=verdict.official),
        why=verdict.standing.partition(":")[2],
        contents=contents,
        entries=contents.entries,
        verdict=verdict,
        record=record,
        approvals=approvals,
        findings=[one for one in ordered if not is_unasked(one)],
        changes_title=BLOCK_TITLE,
        changes=list(unasked_lines(verdict.findings)),
        figures=list(figures(verdict.findings)),
        training=_training(None if verdict.provenance is None else verdict.provenance.training),
        releases=[(_action(one), one) for one in record["releases"]],
        parts=[(name, base64.b64encode(content).decode()) for name, content in _parts(contents)],
        age=age,
        counted=counted,
        distinct=_distinct,
        vote_note=vote_note,
    )


def _parts(contents: ExportContents) -> Iterator[tuple[str, bytes]]:
    yield "record", contents.record.encode()
    yield "verdict", contents.verdict.encode()
    if contents.evidence is not None and contents.chain is not None:
        yield "evidence", contents.evidence
        yield "chain", contents.chain.encode()


def _action(release: dict[str, Any]) -> str:
    evidence = json.loads(release["evidence"] or "{}")
    missing = "; ".join(evidence.get("missing", ()))
    overridden = evidence.get("override")
    return f"{release['action']}, although something was missing: {missing}" if overridden else str(release["action"])


def _training(training: TrainingEvidence | None) -> dict[str, Any] | None:
    if training is None:
        return None
    row = msgspec.to_builtins(training)
    return {"terms": lineage_terms(row), "files": data_rows(row), "audit": audit_sentence(row)}


def _distinct(names: Iterable[str | None], unknown: str) -> str:
    return ", ".join(dict.fromkeys(name or unknown for name in names))
