"""The evidence of a verdict shows what the candidate was trained from and what the audit of it found."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

SCRIPT = """
import json
from dashboard.verdicts.evidence import draw_evidence
draw_evidence(json.loads({record!r}), None)
"""
LINEAGE = {
    "base": "base", "method": "lora", "data": ["data/train.jsonl"], "validation": ["data/val.jsonl"], "job": None,
    "hyperparameters": {"epochs": 3}, "cost": 1234.5, "at": "2026-11-25", "log": None,
}  # fmt: skip
AUDIT = {
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
    provenance: dict[str, Any] = {
        "suites": [], "queues": [], "experiments": [], "runs": [], "gate_sha256": "b" * 64, "gate_text": "gate: x",
        "asked_by": "account rosa", "program": "0.2.0", "plan_hash": "c" * 32, "libraries": {},
    }  # fmt: skip
    if training is not None:
        provenance["training"] = training
    verdict = {"verdict_id": "v1", "candidate": "tuned", "baseline": "base", "provenance": provenance}
    record = json.dumps({"verdict": verdict, "runs": [], "now_us": 1_800_000_000_000_000})
    page = AppTest.from_string(SCRIPT.format(record=record)).run(timeout=60)
    assert not page.exception
    texts = [str(element.value) for element in (*page.subheader, *page.markdown, *page.caption)]
    tables = [element.value.to_string() for element in page.dataframe]
    return "\n".join([*texts, *tables]).replace("\\", "")


def test_lineage_files_and_audit_are_shown() -> None:
    page = drawn({"deployment": "tuned", "lineage": LINEAGE, "files": FILES, "audit": AUDIT})
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
    page = drawn({"deployment": "tuned", "lineage": None, "files": [], "audit": None})
    assert "the deployment declares none" in page


def test_a_verdict_of_an_earlier_version_shows_no_training_data() -> None:
    assert "Training data" not in drawn(None)
