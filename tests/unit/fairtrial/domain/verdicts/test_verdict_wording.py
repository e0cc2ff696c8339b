"""The lineage and the audit of a verdict in words, as terminals, exports and pages show them."""

from __future__ import annotations

import json
from dataclasses import replace

from fairtrial.domain.training_data import CheckCount, DataAudit, Lineage, PresentFile, TrainingEvidence
from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.verdict_wording import audit_sentence, data_rows, dollars, lineage_terms, unasked_lines

LINEAGE = Lineage(
    base="base", method="qlora", data=("a.jsonl", "b.jsonl"), validation=("v.jsonl",), job="ftjob-1",
    hyperparameters={"epochs": 3, "rank": 8}, log="log.jsonl",
)  # fmt: skip
AUDIT = DataAudit(
    audit_id="a1", at_us=1_800_000_000_000_000, actor="account rosa", deployment="tuned", version="1", program="",
    seconds=2.345, files=(), counts=(CheckCount(check="volume", severity="info", issues=1, rows=0),),
)  # fmt: skip
TRAINING = TrainingEvidence("tuned", LINEAGE, "1")


def test_the_terms_name_what_is_declared_and_say_that_a_cost_is_unknown() -> None:
    assert lineage_terms(TRAINING) == [
        ("deployment", "tuned"), ("trained from", "base"), ("method", "qlora"), ("settings", "epochs 3, rank 8"),
        ("training job", "ftjob-1"), ("cost of the training", "unknown"), ("training log", "log.jsonl"),
    ]  # fmt: skip


def test_files_that_no_rule_names_were_not_read() -> None:
    assert data_rows(TRAINING) == [
        ("a.jsonl", "train", "not read"), ("b.jsonl", "train", "not read"), ("v.jsonl", "validation", "not read"),
    ]  # fmt: skip
    assert audit_sentence(TRAINING) == ""


def test_a_clean_audit_is_one_sentence_with_its_cost_in_time() -> None:
    files = (PresentFile(path="a.jsonl", role="train", sha256="f" * 64),)
    judged = replace(TRAINING, files=files, audit=AUDIT)
    assert audit_sentence(judged) == (
        "Audit a1 by account rosa on 2027-01-15 08:00 UTC (2.3 seconds, version 1 of the checks) "
        "finds no error and no warning."
    )
    assert data_rows(judged)[0] == ("a.jsonl", "train", "f" * 64)
    assert audit_sentence(replace(judged, audit=None)) == "No audit of exactly these files is stored."


def test_dollars_have_cents() -> None:
    assert (dollars(4.2), dollars(1200)) == ("$4.20", "$1,200.00")


def test_a_change_that_an_earlier_version_only_worded_is_shown_as_it_was() -> None:
    says = (
        "s: the refusal rate 0 → 9 of 50 (+18.0 points): notable",
        "s: the over-refusal rate 0 → 0 of 50 (p 1): not notable",
    )
    stored = [
        {"rule": "r", "source": "s", "result": "cannot tell", "says": text, "metric": metric, "decisive": False}
        for text, metric in zip(says, ("refusals", "over_refusals"), strict=True)
    ]
    text = {
        "verdict_id": "v", "at_us": 1, "gate": "g", "candidate": "tuned", "baseline": "base", "decision": "HOLD",
        "headline": "HOLD", "findings": stored,
    }  # fmt: skip
    verdict = verdict_json.decode(json.dumps(text))
    assert unasked_lines(verdict.findings)[:2] == [
        "Notable: s: the refusal rate 0 → 9 of 50 (+18.0 points).",
        "Not notable in s: the over-refusal rate 0 → 0 of 50.",
    ]
    assert verdict_json.decode(verdict_json.encode(verdict)) == verdict
