"""Renders a verdict or a report as JSON, complete, for programs."""

import json
from dataclasses import asdict
from typing import Any

import msgspec

from evaluators.report_content.content import Report, ReportContent
from fairtrial.domain.verdicts.approvals import ApprovalState, approval_state, exit_code_of, reads_as
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.verdicts.verdict_json import drop_unset

VERSION = 1


def content(verdict: Verdict, approvals: ApprovalState | None = None) -> dict[str, Any]:
    """The verdict as plain values; ``evidence_kind`` is Estimate, Comparison or NotEnough."""
    made: dict[str, Any] = msgspec.to_builtins(verdict)
    for finding, written in zip(verdict.findings, made["findings"], strict=True):
        drop_unset(written)
        written["evidence_kind"] = None if finding.evidence is None else type(finding.evidence).__name__
    if verdict.provenance is None:
        made.pop("provenance")  # verdicts of earlier versions keep the form in which they were written
    else:
        for added_later in ("self_approval", "evidence_digest"):
            if made["provenance"][added_later] is None:
                made["provenance"].pop(added_later)
    standing = {"official": verdict.official, "standing": verdict.standing}
    state = approvals or approval_state(verdict.approvers, ())
    return {
        "version": VERSION,
        **made,
        **standing,
        "reads": reads_as(verdict.decision, state),
        "approvals": {"complete": state.complete, **asdict(state)},
        "exit_code": exit_code_of(verdict.decision, state),
    }


def render(verdict: Verdict, approvals: ApprovalState | None = None) -> str:
    """The JSON text; lone surrogates, which UTF-8 cannot encode, are written as JSON escapes."""
    return _text(content(verdict, approvals))


def render_content(report: ReportContent) -> str:
    """The whole report; its verdict is as `render` gives it."""
    made = {"version": VERSION, **msgspec.to_builtins(report)}
    made.pop("approvals")
    return _text(made | {"verdict": None if report.verdict is None else content(report.verdict, report.approvals)})


def _text(made: dict[str, Any]) -> str:
    text = json.dumps(made, indent=2, ensure_ascii=False, default=msgspec.to_builtins) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


report = Report("the whole verdict for programs", render, render_content)
