"""The evidence of a verdict shows what the candidate was trained from and what the audit of it found."""

from __future__ import annotations

from typing import Any

import msgspec
from streamlit.testing.v1 import AppTest

from fairtrial.api.verdict_answers import Approvals, ReleaseRecord
from fairtrial.domain.training_data import TrainingEvidence
from fairtrial.domain.verdicts.verdict import Provenance, Verdict
from tests.fixtures.dashboard.markup import drawn_rows

SCRIPT = """
import msgspec
from dashboard.verdicts.detail import draw_evidence
from fairtrial.api.verdict_answers import ReleaseRecord
from fairtrial.domain.estimates import read_evidence
draw_evidence(msgspec.json.decode({record!r}, type=ReleaseRecord, dec_hook=read_evidence), None)
"""
LINEAGE = {
    "base": "base", "method": "lora", "data": ["data/train.jsonl"], "validation": ["data/val.jsonl"], "job": None,
    "hyperparameters": {"epochs": 3}, "cost": 1234.5, "at": "2026-11-25", "log": None,
}  # fmt: skip
AUDIT = {
    "deployment": "tuned", "program": "", "files": [],
    "audit_id": "a1", "at_us": 1_800_000_000_000_000, "actor": "account rosa", "version": "1", "seconds": 0.5,
    "counts": [
        {"check": "wrong-pattern", "severity": "error", "issues": 2, "rows": 96},
        {"check": "volume", "severity": "info", "issues": 1, "rows": 0},
    ],
}  # fmt: skip
FILES = [
    {"path": "data/train.jsonl", "role": "train", "sha256": "a" * 64, "wrong": ""},
    {"path": "data/val.jsonl", "role": "validation", "sha256": "", "wrong": "can't be read: No such file"},
]


def drawn(training: dict[str, Any] | None) -> str:
    provenance = Provenance(
        "gate: x",
        "b" * 64,
        (),
        "0.2.0",
        "c" * 32,
        "account rosa",
        training=msgspec.convert(training, TrainingEvidence | None),
    )
    verdict = Verdict("v1", 1, "release", "tuned", "base", "HOLD", "", (), provenance=provenance)
    record = ReleaseRecord(
        verdict=verdict, chain=None, reads="HOLD", official=False, standing="", stale=[], runs=[], figures=[],
        approvals=Approvals(required=(), waiting=(), complete=True, rejected=None, votes=()), releases=[],
        trail_head=None, now_us=1_800_000_000_000_000,
    )  # fmt: skip
    page = AppTest.from_string(SCRIPT.format(record=msgspec.json.encode(record))).run(timeout=60)
    assert not page.exception
    texts = [str(element.value) for element in (*page.subheader, *page.markdown, *page.caption)]
    tables = (" ".join(row) for row in drawn_rows(page))
    return "\n".join([*texts, *tables]).replace("\\", "")


def test_lineage_files_and_audit_are_shown() -> None:
    page = drawn({"deployment": "tuned", "lineage": LINEAGE, "files": FILES, "audit": AUDIT, "audit_version": "1"})
    for words in (
        "Training data",
        "lora",
        "epochs 3",
        "$1,234.50",
        "2026-11-25",
        "a1",
        "wrong-pattern (error, 96 rows)",
    ):
        assert words in page, words


def test_a_deployment_without_a_lineage_says_so() -> None:
    page = drawn({"deployment": "tuned", "lineage": None, "files": [], "audit": None, "audit_version": "1"})
    assert "the deployment declares none" in page


def test_a_verdict_of_an_earlier_version_shows_no_training_data() -> None:
    assert "Training data" not in drawn(None)
