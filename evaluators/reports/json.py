"""A verdict as JSON: everything that it holds, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from evaluators.report import Report
from fairtrial.domain.verdict import Verdict

VERSION = 1


def content(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain values; ``evidence_kind`` says whether evidence is Estimate, Comparison or NotEnough."""
    made = asdict(verdict)
    for finding, written in zip(verdict.findings, made["findings"], strict=True):
        written["evidence_kind"] = None if finding.evidence is None else type(finding.evidence).__name__
    if verdict.provenance is None:
        made.pop("provenance")  # a verdict of an earlier version reads as that version wrote it
    return {"version": VERSION, **made, "exit_code": verdict.exit_code}


def render(verdict: Verdict) -> str:
    """Lone surrogates, which no file can hold, are written as JSON's escapes."""
    text = json.dumps(content(verdict), indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


report = Report("the whole verdict for programs", render)
