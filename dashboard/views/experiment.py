"""Draws the experiment page: the result, the evidence for it, the state, and plain figures of the traffic."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import streamlit as st

from dashboard import view as open_dialog
from dashboard.client import Control, ControlUnreachable, Refused
from dashboard.components import charts, query_params
from dashboard.components.formatting import DASH, duration, plain
from dashboard.components.tables import prose, suggest_command
from dashboard.experiments import traffic
from dashboard.experiments.alarms import render_alarms, render_srm
from dashboard.experiments.decision import render_analysis, render_answer, render_conditions, render_plans
from dashboard.experiments.slices import render_slices
from dashboard.experiments.state import render_state, render_transitions
from dashboard.view import View
from fairtrial.api import alarms as alarm_operations, experiments, store
from fairtrial.api.alarms import AlarmRow, ListAlarms
from fairtrial.api.experiment_answers import ShownDecision
from fairtrial.api.experiment_traffic import ExperimentDetails, Series, Slot
from fairtrial.api.operation import Nothing
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.store_reports import VariantTraffic

ERRORS = (
    "A variant error means that the variant did not answer, even if a fallback did. Users see an error if neither "
    "answered. A client call is all tries of one unit with one prompt that follow each other as retries. It failed if "
    "its last try did."
)
PLAIN = (
    "Plain rates over enrolled units in the chosen period, by intention to treat. The result at the top decides: it is "
    "from all units since the start of the analysis plan."
)
UNASKED = "Signals of the answers"
UNASKED_CAPTION = (
    "Plain rates of answered requests, each over the answers that could be measured. They decide nothing. "
    "The languages of question and answer are compared in a sample of recorded texts."
)
REFRESH_SECONDS = 5


def draw(control: Control) -> None:
    """Draw the page."""
    with query_params.explain_gone("This experiment does not exist. Choose one from the list.", "All experiments"):
        names = _names(control)
        if names:
            _experiment(control, names)
            return
        st.title("Experiment")
        suggest_command(
            "No experiments yet. Declare one in fairtrial.yaml under `experiments:`, then check it:", "fairtrial check"
        )


def _names(control: Control) -> list[str]:
    """The experiments of the list, and an archived one that the URL names; raises `Refused` if there is none."""
    names = [row.name for row in control.call(experiments.states, experiments.ListStates(everything=True))]
    named = query_params.get("experiment")
    if named is not None and named not in names:
        control.call(experiments.state, experiments.NameExperiment(name=named))
        names.append(named)
    return names


def _experiment(control: Control, names: Sequence[str]) -> None:
    head, answer, figures = st.container(), st.container(), st.container()
    with st.container():
        st.header("Traffic", divider="gray")
        window = query_params.choose_window()
        requests = st.container()
    left, right = head.columns([3, 1], vertical_alignment="bottom")
    with right:
        name = query_params.choose("Experiment", names, name="experiment", words=str) or names[0]
    left.title(f"Experiment {plain(name)}")
    since_us = query_params.since_us(window)
    experiment = control.call(experiments.one, experiments.FiguresOf(name=name, since_us=since_us))
    decided = control.call(experiments.decision, experiments.DecisionOf(name=name, slices=False))
    last = experiment.live.last_transition
    alarms = [alarm for alarm in control.call(alarm_operations.listing, ListAlarms()) if _is_of(alarm, name)]
    with head:
        _question(experiment)
    with answer:
        _answer(control, name, last, [decided])
        approvable = any(stage > experiment.stage for stage in experiment.enrolment.approve)
        render_state(control, decided, experiment.live, approvable=approvable)
        if alarms:
            st.subheader("Alarms")
            render_alarms(control, alarms)
    with figures:
        st.header("Numbers", divider="gray")
        _analysis(control, name, [decided])
        if decided.analysis is None or decided.analysis.srm.invalid == experiment.srm.invalid:
            render_srm(experiment.srm)
        slices = st.container()
    with requests:
        traffic.warn_no_unit(experiment.traffic.reasons)
        traffic.warn_ambiguous_feedback(experiment.traffic.ambiguous)
        _traffic(control, experiment, window, since_us)
    render_transitions(control, name)
    if decided.analysis is not None:
        render_plans(decided.plans)
        with slices:  # last, because they take longest
            render_slices(control.call(experiments.decision, experiments.DecisionOf(name=name)).slices)


def _is_of(alarm: AlarmRow, name: str) -> bool:
    return alarm.experiment == name and alarm.family != "deployment"


@st.fragment(run_every=REFRESH_SECONDS)
def _answer(control: Control, name: str, last: Transition | None, known: list[ShownDecision]) -> None:
    """The answer, drawn again every few seconds. If the state changes, the whole page is, unless a dialog is open.

    ``known``: the decision that this run of the page has read, which is taken once.
    """
    decision = known.pop() if known else _refreshed(control, name)
    if decision is None:
        return
    render_answer(decision, last)
    if decision.last_us != (None if last is None else last.at_us):
        open_dialog.refresh_page()


@st.fragment(run_every=REFRESH_SECONDS)
def _analysis(control: Control, name: str, known: list[ShownDecision]) -> None:
    decision = known.pop() if known else _refreshed(control, name)
    if decision is not None:
        render_conditions(decision)
    if decision is not None and decision.analysis is not None:
        render_analysis(decision.analysis, running=decision.state == "running")


def _refreshed(control: Control, name: str) -> ShownDecision | None:
    """What is decided now; ``None``, with a note, if control does not say."""
    try:
        decision = control.call(experiments.decision, experiments.DecisionOf(name=name, slices=False))
    except (ControlUnreachable, Refused) as error:
        st.warning(f"Not refreshed: {plain(str(error))}", icon=":material/cloud_off:")
        return None
    return decision


def _traffic(control: Control, experiment: ExperimentDetails, window: str, since_us: int) -> None:
    variants = traffic.in_order(experiment.traffic.variants, experiment.control)
    if not variants:
        _nothing(control, window)
        return
    _figures(control, experiment, variants, since_us)
    _signals(control, experiment, since_us)
    series = control.call(experiments.series, experiments.FiguresOf(name=experiment.name, since_us=since_us))
    _charts(series, [row.variant for row in variants])
    _feedback(variants)
    _why(experiment.traffic.reasons)


def _question(experiment: ExperimentDetails) -> None:
    st.markdown(f"**{plain(experiment.question)}**")
    split = ", ".join(f"{variant.name} {variant.weight:g}" for variant in experiment.variants)
    st.caption(
        f"Randomised by {plain(experiment.unit)} · control {plain(experiment.control)} · split {plain(split)} · "
        f"stage {experiment.stage:g} %"
    )


def _nothing(control: Control, window: str) -> None:
    hint = ". To start," if window == "all" else f" in {query_params.WINDOW_WORDS[window]}. Choose a longer period, or"
    st.info(f"No traffic of enrolled units{hint} send requests to the gateway with the route's name in `model`.")
    gateway = control.call(store.services, Nothing()).gateway.url or "http://127.0.0.1:8080"
    body = '{"model": "ROUTE", "user": "someone", "messages": [{"role": "user", "content": "hello"}]}'
    st.code(f"curl {gateway}/v1/chat/completions -H 'content-type: application/json' -d '{body}'", language=None)


def _figures(
    control: Control, experiment: ExperimentDetails, variants: Sequence[VariantTraffic], since_us: int
) -> None:
    failed = control.call(experiments.errors, experiments.FiguresOf(name=experiment.name, since_us=since_us))
    errors = {row.variant: row for row in failed}
    columns = {
        traffic.variant_name(row.variant, experiment.control): traffic.measures(row, errors.get(row.variant))
        for row in variants
    }
    every = dict.fromkeys(name for column in columns.values() for name in column)
    names = [name for name in every if any(column.get(name, DASH) != DASH for column in columns.values())]
    rows = [{"": name} | {head: column.get(name, DASH) for head, column in columns.items()} for name in names]
    failures: dict[str, Any] = msgspec.to_builtins(errors)
    raw = [
        {"experiment": experiment.name} | _flat(msgspec.to_builtins(row)) | failures.get(row.variant, {})
        for row in variants
    ]
    st.caption(PLAIN)
    st.caption(ERRORS)
    prose(rows, title=f"variants of {experiment.name}", raw=raw)


def _signals(control: Control, experiment: ExperimentDetails, since_us: int) -> None:
    """What the answers show without being asked, as plain rates."""
    request = experiments.FiguresOf(name=experiment.name, since_us=since_us)
    rows = control.call(experiments.signals, request).rows
    if not rows:
        return
    st.markdown(f"**{UNASKED}**")
    st.caption(UNASKED_CAPTION)
    shown = [traffic.signal_row(row, experiment.control) for row in traffic.in_order(rows, experiment.control)]
    prose(shown, title=f"signals of {experiment.name}", raw=[_flat(msgspec.to_builtins(row)) for row in rows])


def _flat(row: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """A row of a file: the values of records in it, each with its path as its name."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        flat |= _flat(value, f"{head}{name} ") if isinstance(value, dict) else {f"{head}{name}": value}
    return flat


def _charts(series: Series, variants: Sequence[str]) -> None:
    if not series.slots:
        return
    slot = duration(series.width_s).removeprefix("1 ")
    rows = [_slot(row) for row in series.slots]
    left, right = st.columns(2)
    with left:
        st.markdown("**Requests over time**")
        chart = charts.over_time(rows, variants, value="requests", title=f"requests per {slot}")
        st.altair_chart(chart, width="stretch", alt=f"Requests per {slot} by variant")
    with right:
        st.markdown("**Error rate over time**")
        title = "variant error rate"
        chart = charts.over_time(rows, variants, value="error_rate", title=title, form=".1%")
        st.altair_chart(chart, width="stretch", alt=f"Share of requests that the variant did not answer, per {slot}")
    with left:
        st.markdown("**Latency over time**")
        chart = charts.over_time(rows, variants, value="latency_p95", title="latency p95 (ms)")
        st.altair_chart(chart, width="stretch", alt=f"95th percentile of latency per {slot} by variant")
    with right:
        st.markdown("**Distribution of latency**")
        st.altair_chart(
            charts.latencies(msgspec.to_builtins(series.latencies), variants),
            width="stretch",
            alt="Share of requests answered within a time",
        )


def _slot(row: Slot) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row.at_us / 1e6))
    received = row.requests - row.kept_away
    return {**msgspec.to_builtins(row), "at": at, "error_rate": row.errors / received if received else None}


def _feedback(variants: Sequence[VariantTraffic]) -> None:
    for key in sorted({key for row in variants for key in row.feedback}):
        rows = traffic.feedback_rates(key, variants)
        if rows:
            st.markdown(f"**Feedback: {plain(key)}**")
            title = "share of positive ratings, with a plain 95 % interval"
            alt = f"Share of positive ratings by variant: {key}"
            st.altair_chart(charts.rates(rows, title=title), width="stretch", alt=alt)


def _why(reasons: Mapping[str, int]) -> None:
    with st.expander("Why each request got its variant"):
        rows = [{"reason": reason, "requests": n} for reason, n in sorted(reasons.items())]
        prose(rows, title="reasons", raw=rows)


view = View(title="Experiment", icon=":material/science:", path="experiment", place=2, draw=draw)
