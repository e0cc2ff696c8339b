"""Draws a verdict as a release record: decision, models, findings with intervals, approvals, evidence and checks."""

import shlex
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
import streamlit as st

from dashboard.client import Control
from dashboard.components import charts, query_params
from dashboard.components.document import draw_blocks
from dashboard.components.formatting import plain
from dashboard.components.markup import draw_markup
from dashboard.components.query_params import link
from dashboard.components.tables import draw_signals, offer, prose
from dashboard.verdicts.actions import draw_approvals, draw_checks, draw_downloads
from dashboard.verdicts.list import DECISIONS, SHAPES, result_of, standing_of
from dashboard.verdicts.review_evidence import draw_review_evidence
from fairtrial.api import verdicts
from fairtrial.api.run_answers import RunSummary
from fairtrial.api.verdict_answers import Figure, ReleaseRecord
from fairtrial.documents.release_record import models, standing, uses
from fairtrial.documents.verdict_evidence import evidence
from fairtrial.domain.promises import WORST_FIRST
from fairtrial.domain.verdicts.verdict import Finding, JudgedRun, Verdict
from fairtrial.domain.verdicts.verdict_wording import is_unasked, unasked_lines
from fairtrial.domain.wording import Change, counted

TITLES = {
    ("difference", "points"): "difference from the baseline, in points",
    ("difference", "ms"): "difference from the baseline, in ms",
    ("difference", "$"): "difference from the baseline, in US dollars",
    ("difference", ""): "difference from the baseline",
    ("level", "%"): "the candidate's level, in %",
    ("level", "ms"): "the candidate's level, in ms",
    ("level", "$"): "the candidate's level, in US dollars",
    ("level", ""): "the candidate's level",
}
LONGEST = 60
NO_BREAK = "\N{NO-BREAK SPACE}"
ENDS = {("level", "%"): (0, 100)}
RUNS = ":material/table_rows:"
EXPERIMENT = ":material/science:"
COMPARE = ":material/compare_arrows:"
LOST: Change = "lost"
AnyRun = JudgedRun | RunSummary


def draw_verdict(control: Control, verdict_id: str) -> None:
    """Draw the record of the verdict."""
    record = control.call(verdicts.record, verdicts.NameVerdict(verdict_id=verdict_id))
    verdict = record.verdict
    st.button("All verdicts", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
    draw_decision(record)
    draw_blocks(models(verdict))
    draw_downloads(control, record)
    draw_approvals(control, record)
    draw_findings(record)
    draw_figures(verdict.findings, record.figures)
    draw_review_evidence(control, verdict.candidate, verdict.baseline)
    draw_evidence(record, _saved_by(control, verdict.verdict_id) if verdict.provenance is None else None)
    draw_releases(record)
    draw_checks(control, record)
    _again(verdict)


def _saved_by(control: Control, verdict_id: str) -> str | None:
    saved = control.call(verdicts.around, verdicts.NameVerdict(verdict_id=verdict_id)).saved
    return None if saved is None else saved.actor


def _again(verdict: Verdict) -> None:
    st.subheader("Judge on new runs")
    st.caption("This command runs the gate's suites on both targets first. Answers that are already cached are reused.")
    names = f"--candidate {shlex.quote(verdict.candidate)} --baseline {shlex.quote(verdict.baseline)}"
    file = shlex.quote(f"{verdict.gate}.gate.yaml")
    st.code(f"fairtrial gate {file} {names} --run", language=None)


def draw_decision(record: ReleaseRecord) -> None:
    """Draw the decision as it reads now, and everything that limits it."""
    verdict = record.verdict
    means = "" if verdict.decision == "SHIP" else f"It means: {DECISIONS[verdict.decision][2]}."
    draw_markup(
        "verdict.html", key="decision", standing=standing_of(record).drawn, candidate=verdict.candidate,
        baseline=verdict.baseline, means=means,
    )  # fmt: skip
    draw_blocks(standing(verdict, record.stale))


def draw_findings(record: ReleaseRecord) -> None:
    """Draw what speaks against the candidate, with the cases that it lost, then every finding."""
    verdict, findings = record.verdict, record.verdict.findings
    st.subheader("Findings")
    against = [finding for finding in findings if finding.decisive and finding.result != "pass"]
    for failure in sorted(against, key=lambda each: WORST_FIRST.index(each.result)):
        with st.container(border=True):
            st.markdown(f"**{result_of(failure)}** · {plain(failure.says)}")
            if failure.needed:
                st.caption("What is needed:")
                st.code(failure.needed, language=None, wrap_lines=True)
            new, old = _both(verdict, [run for run in _runs(record) if run.suite == failure.source])
            if new and old:
                link("Lost cases", "runs", icon=COMPARE, run=new.run_id, against=old.run_id, change=LOST)
    if not against:
        st.success(f"All rules pass ({counted(len([finding for finding in findings if finding.decisive]), 'rule')}).")
    raw = [_line(finding) | {"in": finding.scope, "needed": finding.needed} for finding in findings]
    prose(
        [_line(finding) for finding in findings if not is_unasked(finding)],
        title=f"findings {verdict.verdict_id}",
        raw=raw,
    )

    draw_signals(unasked_lines(findings))


def _line(finding: Finding) -> dict[str, str]:
    return {
        "result": result_of(finding).replace(" ", NO_BREAK),
        "rule": finding.rule,
        "source": finding.source,
        "finding": finding.says,
    }


def draw_figures(findings: Sequence[Finding], figures: Sequence[Figure]) -> None:
    """Draw the intervals and limits of the findings that have them."""
    if not figures:
        return
    st.subheader("Figures")
    st.caption(
        "Each line is an interval: one-sided 95 % bounds of a difference, or a 95 % interval of a level. The point is "
        "the estimate, the orange bar the limit of the rule. A rule on a difference passes if the whole line is on the "
        "good side of the bar; a rule on a level passes if the point is."
    )
    ordered = sorted(figures, key=lambda figure: (figure.kind, figure.unit))
    for (kind, unit), group in groupby(ordered, key=lambda entry: (entry.kind, entry.unit)):
        rows = [_drawn(figure, findings[figure.finding]) for figure in group]
        title = TITLES.get((kind, unit), kind)
        chart = charts.intervals(
            rows, title=title, zero=kind == "difference", answers=SHAPES, within=ENDS.get((kind, unit))
        )
        st.altair_chart(chart, width="stretch", alt=f"Intervals and limits: {title}")


def _drawn(figure: Figure, finding: Finding) -> dict[str, Any]:
    name = f"{finding.metric} in {finding.scope}" if finding.scope else finding.metric
    name = f"{name} ({finding.source})"
    return {
        "name": name if len(name) <= LONGEST else name[: LONGEST - 1] + "…",
        "answer": finding.result if finding.decisive else "shown",
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "limit": figure.limit,
        "n": figure.n,
    }


def draw_evidence(record: ReleaseRecord, saved_by: str | None) -> None:
    """Draw the evidence as it was when the verdict was judged.

    ``saved_by``: who saved a verdict that does not say who asked for it.
    """
    verdict, runs = record.verdict, _runs(record)
    provenance = verdict.provenance
    st.header("Evidence", divider="gray")
    for suite in dict.fromkeys(run.suite for run in runs):
        _links(verdict, suite, [run for run in runs if run.suite == suite])
    for experiment in () if provenance is None else provenance.experiments:
        name = experiment.experiment
        link(f"The experiment {name}", "experiment", icon=EXPERIMENT, experiment=name)
    draw_blocks(evidence(verdict, record))
    if saved_by:
        st.caption(f"It was saved by {plain(saved_by)}.")
    if runs:
        offer(msgspec.to_builtins(runs), title=f"runs of {verdict.verdict_id}")


def draw_releases(record: ReleaseRecord) -> None:
    """Draw where the verdict was used."""
    draw_blocks(uses(record.releases))
    if record.releases:
        offer(msgspec.to_builtins(record.releases), title="releases by this verdict")


def _runs(record: ReleaseRecord) -> Sequence[AnyRun]:
    """The runs that it was judged on."""
    provenance = record.verdict.provenance
    return record.runs if provenance is None else provenance.runs


def _both(
    verdict: Verdict, runs: Sequence[AnyRun]
) -> tuple[JudgedRun | RunSummary | None, JudgedRun | RunSummary | None]:
    """The candidate's and the baseline's run."""
    by_target = {run.target: run for run in reversed(runs)}
    return by_target.get(verdict.candidate), by_target.get(verdict.baseline)


def _links(verdict: Verdict, suite: str, runs: Sequence[AnyRun]) -> None:
    new, old = _both(verdict, runs)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(suite)}**", width="content")
        for run in runs:
            link(f"Run on {run.target}", "runs", icon=RUNS, run=run.run_id)
        if new and old:
            link("Compare", "runs", icon=COMPARE, run=new.run_id, against=old.run_id)
