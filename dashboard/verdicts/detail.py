"""One verdict as a release record: decision, approvals, findings, evidence, its place in the chain, and its use."""

from __future__ import annotations

import shlex

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components import query_params
from dashboard.verdicts.approvals import draw_approvals
from dashboard.verdicts.checks import draw_checks, draw_downloads
from dashboard.verdicts.decision import draw_decision, draw_models
from dashboard.verdicts.evidence import draw_evidence, draw_releases
from dashboard.verdicts.findings import draw_figures, draw_findings
from dashboard.verdicts.review_evidence import draw_review_evidence
from fairtrial.api import verdicts


def draw_verdict(control: Control, verdict_id: str) -> None:
    """Draw the record of the verdict."""
    record = control.call(verdicts.record, verdicts.NameVerdict(verdict_id=verdict_id))
    verdict = record["verdict"]
    st.button("All verdicts", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
    draw_decision(record)
    draw_models(record)
    draw_downloads(control, record)
    draw_approvals(control, record)
    draw_findings(verdict)
    draw_figures(verdict["findings"], record["figures"])
    draw_review_evidence(control, verdict["candidate"], verdict["baseline"])
    draw_evidence(record, _saved_by(control, verdict["verdict_id"]) if verdict.get("provenance") is None else None)
    draw_releases(record["releases"])
    draw_checks(control, record)
    _again(verdict)


def _saved_by(control: Control, verdict_id: str) -> str | None:
    saved = control.call(verdicts.around, verdicts.NameVerdict(verdict_id=verdict_id))["saved"]
    return None if saved is None else str(saved["actor"])


def _again(verdict: Row) -> None:
    st.subheader("Judge on new runs")
    st.caption("This command runs the gate's suites on both targets first. Answers that are already cached are reused.")
    names = f"--candidate {shlex.quote(verdict['candidate'])} --baseline {shlex.quote(verdict['baseline'])}"
    file = shlex.quote(f"{verdict['gate']}.gate.yaml")
    st.code(f"fairtrial gate {file} {names} --run", language=None)
