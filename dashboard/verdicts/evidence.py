"""Shows what a verdict is based on: runs, reviews, experiments, training data, the gate's text, and releases."""

import json
from collections.abc import Sequence

import msgspec
import streamlit as st

from dashboard.components.formatting import moment, moment_of, plain
from dashboard.components.query_params import link
from dashboard.components.tables_and_charts import prose, sentences
from dashboard.runs.list import NO_FINGERPRINT, NO_MODEL
from fairtrial.api.experiment_answers import StateChange
from fairtrial.api.run_answers import RunSummary
from fairtrial.api.verdict_answers import ReleaseRecord
from fairtrial.domain.training_data import TrainingEvidence
from fairtrial.domain.verdicts.verdict import (
    Amendment,
    JudgedExperiment,
    JudgedQueue,
    JudgedRun,
    JudgedSuite,
    Provenance,
    Verdict,
)
from fairtrial.domain.verdicts.verdict_wording import audit_sentence, data_rows, lineage_terms
from fairtrial.domain.wording import age, counted

SHORT = 12
RUNS = ":material/table_rows:"
EXPERIMENT = ":material/science:"


def draw_evidence(record: ReleaseRecord, saved_by: str | None) -> None:
    """Draw the evidence as it was when the verdict was judged.

    ``saved_by``: who saved a verdict that does not say who asked for it.
    """
    verdict = record.verdict
    provenance = verdict.provenance
    st.header("Evidence", divider="gray")
    _runs(verdict, provenance, record)
    if provenance is None:
        who = f" It was saved by {plain(saved_by)}." if saved_by else ""
        st.info(f"An earlier version judged it, without a record of what it rests on.{who}", icon=":material/info:")
        return
    _suites(provenance.suites)
    _queues(provenance.queues)
    _experiments(provenance.experiments)
    if provenance.training is not None:
        _training(provenance.training)
    _rules(provenance)
    _circumstances(provenance)


def draw_releases(releases: Sequence[StateChange]) -> None:
    """Draw where the verdict was used."""
    st.header("Where it was used", divider="gray")
    if not releases:
        st.caption("No release has used this verdict so far.")
        return
    rows = [
        {
            "action": _action(release),
            "experiment": release.experiment,
            "by": release.actor,
            "when": moment_of(release.at_time),
            "why": release.why,
        }
        for release in releases
    ]
    prose(rows, title="releases by this verdict", raw=msgspec.to_builtins(releases))


def _action(release: StateChange) -> str:
    """What was done; a promotion that lacked something says so."""
    evidence = json.loads(release.evidence or "{}")
    return f"{release.action}, although something was missing" if evidence.get("override") else release.action


def _runs(verdict: Verdict, provenance: Provenance | None, record: ReleaseRecord) -> None:
    st.subheader("Runs")
    rows = [_old(run) for run in record.runs] if provenance is None else provenance.runs
    if not rows:
        st.caption("None. The findings say which runs are missing.")
        return
    shown = [
        {
            "suite": run.suite,
            "target": run.target,
            "model string": run.model or NO_MODEL,
            "fingerprint": run.fingerprint or NO_FINGERPRINT,
            "started": moment(run.started_us) if run.started_us else "",
            "age": age(run.started_us, record.now_us) if run.started_us else "",
        }
        for run in rows
    ]
    prose(shown, title=f"runs of {verdict.verdict_id}", raw=msgspec.to_builtins(rows))
    by_suite: dict[str, list[JudgedRun]] = {}
    for row in rows:
        by_suite.setdefault(row.suite, []).append(row)
    for suite, some in by_suite.items():
        _links(verdict, suite, some)


def _links(verdict: Verdict, suite: str, rows: Sequence[JudgedRun]) -> None:
    new = next((row for row in rows if row.target == verdict.candidate), None)
    old = next((row for row in rows if row.target == verdict.baseline), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(suite)}**", width="content")
        for row in rows:
            link(f"Run on {row.target}", "runs", icon=RUNS, run=row.run_id)
        if new and old:
            link("Compare", "runs", icon=":material/compare_arrows:", run=new.run_id, against=old.run_id)


def _old(run: RunSummary) -> JudgedRun:
    """A run of a verdict that kept no record of its models."""
    return JudgedRun(run.run_id, run.suite, run.target, "", None, "", 0)


def _suites(suites: Sequence[JudgedSuite]) -> None:
    if not suites:
        return
    st.subheader("Suites")
    rows = [
        {
            "suite": suite.suite,
            "digest": suite.digest,
            "SHA-256 of the text": suite.text_digest or "not stored",
        }
        for suite in suites
    ]
    sentences(rows, title="suites")


def _queues(queues: Sequence[JudgedQueue]) -> None:
    if not queues:
        return
    st.subheader("Blind reviews")
    rows = [
        {"queue": queue.title, "suite": queue.suite, "votes": queue.votes, "id": queue.queue_id} for queue in queues
    ]
    sentences(rows, title="blind reviews")


def _experiments(experiments: Sequence[JudgedExperiment]) -> None:
    if experiments:
        st.subheader("Live experiments")
    for experiment in experiments:
        with st.container(border=True):
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.markdown(f"**{plain(experiment.experiment)}**, variant {plain(experiment.variant)}", width="content")
                link("The experiment", "experiment", icon=EXPERIMENT, experiment=experiment.experiment)
            looked = f", the last {moment(experiment.looked_us)}" if experiment.looked_us else ""
            st.markdown(
                f"{plain(experiment.state)} when judged · started {moment(experiment.started_us)} · "
                f"attempt {experiment.attempt} · {counted(experiment.looks, 'look')}{looked}"
            )
            st.caption(f"Frozen analysis plan {experiment.plan_number}, hash {plain(experiment.analysis_hash)}")
            _amendments(experiment.amendments)


def _amendments(amendments: Sequence[Amendment]) -> None:
    if not amendments:
        st.caption("The plan was not amended.")
        return
    st.markdown(f"**{counted(len(amendments), 'amendment')} after the start**")
    rows = [
        {
            "when": moment(amendment.at_us),
            "by": amendment.actor,
            "why": amendment.why,
            "new hash": amendment.analysis_hash,
        }
        for amendment in amendments
    ]
    sentences(rows, title="amendments")


def _training(training: TrainingEvidence) -> None:
    st.subheader("Training data")
    st.markdown(" · ".join(f"{name} **{plain(value)}**" for name, value in lineage_terms(training)))
    files = [{"file": path, "role": role, "SHA-256": digest} for path, role, digest in data_rows(training)]
    if files:
        sentences(files, title="training data")
    if sentence := audit_sentence(training):
        st.caption(plain(sentence))


def _rules(provenance: Provenance) -> None:
    st.subheader("Rules")
    with st.expander(f"The gate's text, SHA-256 {provenance.gate_sha256[:SHORT]}…"):
        st.code(provenance.gate_text, language="yaml")
        st.caption(f"SHA-256 {plain(provenance.gate_sha256)}")


def _circumstances(provenance: Provenance) -> None:
    st.subheader("Who asked, and with what")
    st.caption(
        f"Requested by {plain(provenance.asked_by)} · judged by fairtrial {plain(provenance.program)} · "
        f"configuration {plain(provenance.plan_hash)}"
    )
    libraries = ", ".join(f"{name} {version}" for name, version in provenance.libraries.items())
    if libraries:
        st.caption(f"Libraries: {plain(libraries)}")
