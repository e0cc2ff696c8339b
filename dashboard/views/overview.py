"""Draws the overview page: what needs a decision, problems, services, experiments and the newest verdicts."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import streamlit as st

from dashboard import view as open_dialog
from dashboard.client import Control, ControlUnreachable, Refused
from dashboard.components import query_params
from dashboard.components.formatting import DASH, count, moment, moment_of, plain
from dashboard.components.query_params import link
from dashboard.experiments import traffic
from dashboard.experiments.alarms import render_alarms, render_srm_alarm
from dashboard.verdicts.first_verdict import draw_first_verdict
from dashboard.verdicts.list import badge, title_of
from dashboard.view import View
from fairtrial.api import alarms as alarm_operations, experiments, store, traffic as traffic_operations, verdicts
from fairtrial.api.alarms import AlarmRow, ListAlarms
from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.api.experiment_traffic import ExperimentRow
from fairtrial.api.experiments import ListStates
from fairtrial.api.operation import Nothing, TrafficWindow, Window
from fairtrial.api.store import ServiceStates
from fairtrial.api.traffic_answers import AttributedFeedback
from fairtrial.api.verdict_answers import NewestVerdict
from fairtrial.api.verdicts import FirstStep
from fairtrial.domain.store_reports import Losses
from fairtrial.domain.verdicts.verdict_wording import standing_word, titled
from fairtrial.domain.wording import counted

MONITORING = ":material/monitoring:"
NEWEST = 20
REFRESH_SECONDS = 5
NUMBERS = {name: st.column_config.NumberColumn(format="localized") for name in ("units", "requests")} | {
    name: st.column_config.TextColumn(alignment="right")
    for name in ("variant errors", "errors seen by users", "latency p50", "latency p95", "cost")
}


def draw(control: Control) -> None:
    """Draw the page."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.title("Overview")
    with right:
        window = query_params.choose_window()
    services, stored = control.call(store.services, Nothing()), control.call(store.overview, Nothing()).rows
    seen = control.call(experiments.listing, TrafficWindow(since_us=query_params.since_us(window))).rows
    gates = control.call(verdicts.gates, Window(limit=NEWEST))
    alarms, states, steps = _watched(control)
    render_alarms(control, alarms)
    _stopped(states, {alarm.experiment for alarm in alarms if alarm.family == "experiment"})
    _attention(services, seen, alarms)
    if steps:
        draw_first_verdict(control, steps)
    _feedback(control.call(traffic_operations.attributions, Window(limit=1000)))
    _services(services, stored)
    st.header("Experiments", divider="gray")
    for experiment in seen:
        _experiment(control, experiment, window)
    if not seen:
        st.info("No experiments yet. Declare one in fairtrial.yaml under `experiments:`.", icon=":material/science:")
    if gates:
        st.header("Newest verdicts", divider="gray")
    for row in gates:
        with st.container(border=True):
            _verdict(row)
    _watch(control, _digest(alarms, states, steps))


def _watched(control: Control) -> tuple[Sequence[AlarmRow], Sequence[ExperimentStatus], Sequence[FirstStep]]:
    """The alarms, the states of experiments, and the steps to a first verdict."""
    alarms, states = (
        control.call(alarm_operations.listing, ListAlarms()),
        control.call(experiments.states, ListStates()),
    )
    return alarms, states, control.call(verdicts.first, Nothing())


@st.fragment(run_every=REFRESH_SECONDS)
def _watch(control: Control, seen: str) -> None:
    """Draw the page again as soon as something watched has changed, unless a dialog is open. It shows nothing."""
    with suppress(ControlUnreachable, Refused):
        if _digest(*_watched(control)) != seen:
            open_dialog.refresh_page()


def _digest(alarms: Sequence[AlarmRow], states: Sequence[ExperimentStatus], steps: Sequence[FirstStep]) -> str:
    return repr([steps, [(alarm.alarm_id, alarm.state, alarm.text) for alarm in alarms],
                 [(state.name, state.state, state.stage, state.edit) for state in states]])  # fmt: skip


def _stopped(states: Sequence[ExperimentStatus], raised: Collection[str | None]) -> None:
    """Draw the experiments that are stopped, paused or promoted, because somebody has to decide how they go on.

    ``raised``: those with an alarm, which says it already.
    """
    for state in states:
        promoted = state.edit is not None and state.edit.in_force
        if not promoted and (state.state not in ("killed", "paused") or state.name in raised):
            continue
        draw, icon = (st.error, "dangerous") if state.state == "killed" else (st.warning, "pause_circle")
        if promoted:
            draw, icon = st.info, "task_alt"
        draw(f"**{plain(state.name)}**: {plain(state.sentence)}", icon=f":material/{icon}:")
        link(f"The experiment {state.name}", "experiment", icon=":material/science:", experiment=state.name)


def _attention(services: ServiceStates, experiments: Sequence[ExperimentRow], alarms: Sequence[AlarmRow]) -> None:
    """Draw everything else that needs action, first what makes verdicts invalid. No alarm is repeated."""
    raised = {(alarm.experiment, alarm.kind) for alarm in alarms}
    for experiment in experiments:
        if (experiment.name, "experiment.srm") not in raised:
            render_srm_alarm(experiment)
    if services.gateway.ready is False:
        st.error("The gateway is not running, so applications get no answers. Start it with `fairtrial up`.")
    if services.plan.refused:
        st.warning("The changed configuration was refused. The last valid one stays in force.", icon=":material/rule:")
        st.code(services.plan.refused, language=None)
    if services.gateway.recording == "losing":
        st.error(
            "Requests are served but currently not recorded. See the gateway's log for the reason.",
            icon=":material/report:",
        )
    _recording(services.recording)
    if services.control.trouble:
        st.error(plain(services.control.trouble), icon=":material/error:")
    rejects = services.ingest.rejects
    if rejects:
        st.warning(
            f"{counted(rejects, 'journal line was', 'journal lines were')} unreadable, set aside and not counted."
        )
    for experiment in experiments:
        if (experiment.name, "units.no_unit") not in raised:
            traffic.warn_no_unit(experiment.traffic.reasons)


def _feedback(attributions: Sequence[AttributedFeedback]) -> None:
    """Warn about feedback that is stored but not counted."""
    ambiguous = {row.key: row.feedback for row in attributions if row.attribution == "ambiguous"}
    traffic.warn_ambiguous_feedback(ambiguous)
    traffic.warn_unmatched_feedback(attributions)


def _recording(recording: Losses) -> None:
    """Warn about lost events. Requests were still served, so nothing else shows the loss."""
    if recording.lost:
        st.error(
            f"{counted(recording.lost, 'event')} could not be recorded, last at {moment(recording.last_us)}."
            " Requests were served, but the rates of that time are incomplete. Is the disk full?",
            icon=":material/report:",
        )
    if recording.sync_failures:
        st.warning(
            f"{counted(recording.sync_failures, 'disk sync')} failed, most recently {moment(recording.last_us)}. "
            "A power failure could have lost the events of that time.",
            icon=":material/save:",
        )


def _services(services: ServiceStates, stored: Mapping[str, int]) -> None:
    gateway, plan, ingest = services.gateway, services.plan, services.ingest
    columns = st.columns(5)
    ready = {True: "ready", False: "not ready", None: "not started"}[gateway.ready]
    columns[0].metric("Gateway", ready, help=f"Applications send to {gateway.url}/v1" if gateway.url else None)
    columns[1].metric("Requests stored", count(stored["requests"]), help="From live traffic and evaluation runs")
    columns[2].metric("Evaluation runs", count(stored["runs"]))
    columns[3].metric(
        "Waiting to be stored",
        f"{count(ingest.lag_bytes)} bytes",
        help="Written by the gateway, not yet in the store",
    )
    columns[4].metric(
        "Configuration", (plan.hash or DASH)[:8], help="The hash of what is published, stored with every request"
    )


def _experiment(control: Control, experiment: ExperimentRow, window: str) -> None:
    with st.container(border=True):
        name = experiment.name
        st.subheader(plain(name))
        st.markdown(plain(experiment.question))
        decision = control.call(experiments.decision, experiments.DecisionOf(name=name, slices=False))
        st.markdown(f"**{plain(decision.box.headline)}**")
        for label, text in decision.box.lines:
            if label in ("Guardrails", "Next"):
                st.caption(f"{label}: {plain(text)}")
        variants = experiment.traffic.variants
        if not variants:
            _no_traffic(window)
            return
        base = experiment.control
        rows = [traffic.short(row, base) for row in traffic.in_order(variants, base)]
        st.dataframe(rows, hide_index=True, width="stretch", column_config=NUMBERS)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(f"{query_params.requests_in(window)}: plain rates over enrolled units by intention to treat.")
            link("Evidence and charts", "experiment", icon=MONITORING, experiment=name, window=window)


def _no_traffic(window: str) -> None:
    of = "yet" if window == "all" else f"in {query_params.WINDOW_WORDS[window]}"
    st.info(
        f"No traffic {of}. Send requests to the gateway with the route's name in `model`, and with `user`.",
        icon=":material/sensors_off:",
    )


def _verdict(row: NewestVerdict) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        badge(row)
        gate = f"{standing_word(official=row.official)} gate {row.gate}"
        st.markdown(f"**{plain(row.candidate)}**, {plain(gate)}")
    if row.reads != row.decision:
        st.markdown(f"**{plain(title_of(row))}**")
    st.markdown(plain(titled(row.headline, official=row.official)))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        earlier = row.verdicts - 1
        st.caption(moment_of(row.at_time) + (f" · {counted(earlier, 'earlier verdict')}" if earlier else ""))
        link("Evidence", "gate", icon=":material/gavel:", verdict=row.verdict_id)


view = View(title="Overview", icon=":material/balance:", path="overview", place=1, draw=draw)
