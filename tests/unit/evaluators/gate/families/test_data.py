"""`data.audit clean` passes only by an audit of exactly the present files, and says what is missing otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from evaluators.gate.families.data import judge_audit
from fairtrial.domain.training_data import (
    AuditFile,
    CheckCount,
    DataAudit,
    Lineage,
    PresentFile,
    TrainingEvidence,
    WaivedCount,
    Waiver,
)
from fairtrial.domain.verdicts.verdict import Finding

LINE = "data.audit clean"
COMMAND = "fairtrial data audit --deployment tuned"
AUDIT = DataAudit(
    audit_id="a1",
    at_us=1_795_000_000_000_000,
    deployment="tuned",
    actor="local user rosa",
    version="2",
    program="0.2.0",
    seconds=0.4,
    files=(
        AuditFile("train.jsonl", "train", "a" * 64, 440, "openai"),
        AuditFile("val.jsonl", "validation", "b" * 64, 60, "openai"),
        AuditFile("suite.yaml", "suite", "c" * 64, 120, "suite"),
    ),
    counts=(CheckCount("volume", "info", 1, 0),),
)
EVIDENCE = TrainingEvidence(
    deployment="tuned",
    lineage=Lineage(base="base", method="lora", data=("train.jsonl",), validation=("val.jsonl",)),
    audit_version="2",
    files=(PresentFile("train.jsonl", "train", "a" * 64), PresentFile("val.jsonl", "validation", "b" * 64)),
    audit=AUDIT,
)


WAIVER = Waiver(check="pii", all=True, reason="our own address", owner="Rosa", until="2026-11-18")
WAIVED = structs.replace(AUDIT, waived=(WaivedCount(CheckCount("pii", "warning", 1, 3), WAIVER),))
DECLARED = replace(EVIDENCE.lineage, waivers=(WAIVER,)) if EVIDENCE.lineage else None


def judged(evidence: TrainingEvidence | None, now_us: int = AUDIT.at_us) -> Finding:
    return judge_audit(LINE, "release", evidence, now_us)


def test_a_clean_audit_of_the_present_files_passes() -> None:
    judgement = judged(EVIDENCE)
    assert (judgement.result, judgement.metric, judgement.source, judgement.needed) == (
        "pass",
        "data.audit",
        "release",
        "",
    )
    assert judgement.says == (
        "the audit of the training data of tuned finds nothing above info (500 rows in 2 files, 2026-11-18)"
    )


def test_an_audit_with_issues_fails_and_names_the_worst_first() -> None:
    counts = (
        CheckCount("volume", "info", 1, 0),
        CheckCount("duplicates", "warning", 2, 6),
        CheckCount("wrong_pattern", "error", 1, 96),
        CheckCount("pii", "warning", 1, 1),
        CheckCount("truncated", "warning", 1, 2),
    )
    judgement = judged(replace(EVIDENCE, audit=structs.replace(AUDIT, counts=counts)))
    assert judgement.result == "fail"
    assert judgement.says.endswith(
        "finds 1 error and 4 warnings: wrong_pattern in 96 rows, duplicates in 6 rows, truncated in 2 rows and 1 more "
        "(500 rows in 2 files, 2026-11-18)"
    )
    assert judgement.needed == f"see the rows with: {COMMAND} --suite suite.yaml"


def test_a_waived_finding_passes_and_is_listed_with_reason_and_owner() -> None:
    judgement = judged(replace(EVIDENCE, lineage=DECLARED, audit=WAIVED))
    assert judgement.result == "pass"
    assert judgement.says.endswith(
        "finds no error and no warning, besides pii in 3 rows, waived by Rosa until 2026-11-18: our own address "
        "(500 rows in 2 files, 2026-11-18)"
    )


def test_an_audit_rests_only_on_waivers_that_are_declared_and_have_not_expired() -> None:
    undeclared = judged(replace(EVIDENCE, audit=WAIVED))
    assert (undeclared.result, undeclared.needed) == ("cannot tell", COMMAND)
    assert undeclared.says.endswith("rests on a waiver of pii that fairtrial.yaml does not declare")
    expired = judged(replace(EVIDENCE, lineage=DECLARED, audit=WAIVED), AUDIT.at_us + 86_400_000_000)
    assert (expired.result, expired.needed) == ("cannot tell", COMMAND)
    assert expired.says.endswith("rests on a waiver of pii that expired after 2026-11-18")


def test_an_audit_without_a_training_example_is_not_clean() -> None:
    empty = structs.replace(AUDIT, files=(structs.replace(AUDIT.files[0], rows=0), AUDIT.files[1]))
    judgement = judged(replace(EVIDENCE, audit=empty))
    assert judgement.result == "fail" and "finds no training example" in judgement.says


def test_without_a_lineage_it_cannot_tell_and_says_what_to_declare() -> None:
    judgement = judged(TrainingEvidence("tuned", None, "1"))
    assert judgement.result == "cannot tell" and "declares no training data" in judgement.says
    assert judgement.needed == f"declare deployments.tuned.training in fairtrial.yaml, then run: {COMMAND}"


def test_without_an_audit_it_cannot_tell_and_says_the_command() -> None:
    judgement = judged(replace(EVIDENCE, audit=None))
    assert (judgement.result, judgement.needed) == ("cannot tell", COMMAND)
    assert judgement.says == "the training data of tuned has not been audited"


def test_a_file_that_changed_since_the_audit_cannot_tell_and_is_named() -> None:
    files = (replace(EVIDENCE.files[0], sha256="f" * 64), EVIDENCE.files[1])
    judgement = judged(replace(EVIDENCE, audit=None, earlier=AUDIT, files=files))
    assert (judgement.result, judgement.needed) == ("cannot tell", COMMAND)
    assert judgement.says.endswith("differs from its audit of 2026-11-18: train.jsonl has changed")


def test_added_and_removed_files_are_named() -> None:
    files = (PresentFile("more.jsonl", "train", "d" * 64), EVIDENCE.files[0])
    judgement = judged(replace(EVIDENCE, audit=None, earlier=AUDIT, files=files))
    assert judgement.says.endswith("more.jsonl was not audited as train data; val.jsonl is no longer validation data")


def test_a_file_that_cannot_be_read_cannot_tell() -> None:
    files = (replace(EVIDENCE.files[0], sha256="", wrong="can't be read: No such file or directory"), EVIDENCE.files[1])
    judgement = judged(replace(EVIDENCE, audit=None, files=files))
    assert (
        judgement.result == "cannot tell" and "train.jsonl can't be read: No such file or directory" in judgement.says
    )


def test_an_audit_of_an_earlier_version_of_the_checks_cannot_tell() -> None:
    judgement = judged(replace(EVIDENCE, audit_version="3"))
    assert (judgement.result, judgement.needed) == ("cannot tell", COMMAND)
    assert "version 2 of the checks, and the present version is 3" in judgement.says


def test_evidence_of_a_version_that_could_not_decide_it_is_judged_as_then() -> None:
    judgement = judged(None)
    assert (judgement.result, judgement.needed) == ("cannot tell", "remove the line to ship without it")
    assert judgement.says == "data.audit: this version cannot decide it, so a gate with this line never returns SHIP"


@pytest.mark.parametrize("name", ["tuned", "my model; rm -rf"])
def test_the_command_quotes_the_name_of_the_deployment(name: str) -> None:
    judgement = judged(replace(EVIDENCE, deployment=name, audit=None))
    assert judgement.needed in (COMMAND, "fairtrial data audit --deployment 'my model; rm -rf'")
