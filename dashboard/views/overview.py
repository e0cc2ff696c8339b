"""The first page: what needs attention, are the services well, what each experiment shows, what the gates said last."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components import time_window
from dashboard.components.formatting import DASH, count, counted, moment, moment_of, plain
from dashboard.components.query_params import link
from dashboard.experiments import split, traffic
from dashboard.verdicts.wording import badge
from dashboard.view import View

MONITORING = ":material/monitoring:"
NEWEST = 20
NUMBERS = {name: st.column_config.NumberColumn(format="localized") for name in ("units", "requests")}


def draw(control: Control) -> None:
    """Draw the page."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.title("Overview")
    with right:
        window = time_window.choose()
    services, stored = control.get("/api/services"), control.get("/api/store")["rows"]
    experiments, gates = (
        control.rows("/api/experiments", since_us=time_window.since_us(window)),
        control.rows("/api/gates", limit=NEWEST),
    )
    _attention(services, experiments)
    _feedback(control.rows("/api/feedback/attributions", limit=1000))
    _services(services, stored)
    st.header("Experiments", divider="gray")
    for experiment in experiments:
        _experiment(experiment, window)
    if not experiments:
        st.info("No experiment yet: declare one in fairtrial.yaml under `experiments:`.", icon=":material/science:")
    st.header("Newest verdicts", divider="gray")
    _verdicts(gates)


def _attention(services: Row, experiments: Sequence[Row]) -> None:
    """Everything that someone should do something about, before everything else; first what makes verdicts invalid."""
    for experiment in experiments:
        split.say_alarm(experiment)
    if services["gateway"]["ready"] is False:
        st.error("The gateway does not serve: applications get no answers. Start it with `fairtrial up`.")
    if services["plan"]["refused"]:
        st.warning("The changed configuration was refused; the last good plan stays.", icon=":material/rule:")
        st.code(services["plan"]["refused"], language=None)
    if services["gateway"].get("recording") == "losing":
        st.error(
            "Requests are served but not recorded at this moment: the log of the gateway says why.",
            icon=":material/report:",
        )
    _recording(services["recording"])
    if services["control"]["trouble"]:
        st.error(plain(str(services["control"]["trouble"])), icon=":material/error:")
    rejects = services["ingest"]["rejects"]
    if rejects:
        st.warning(
            f"{counted(rejects, 'line')} of the journal could not be read and count nowhere: they were put aside."
        )
    for experiment in experiments:
        traffic.say_no_unit(experiment["traffic"]["reasons"])


def _feedback(attributions: Sequence[Row]) -> None:
    """Feedback that is stored and counts nowhere."""
    ambiguous = {row["key"]: row["feedback"] for row in attributions if row["attribution"] == "ambiguous"}
    traffic.say_ambiguous(ambiguous)
    traffic.say_unmatched(attributions)


def _recording(recording: Row) -> None:
    """Recording fails open: traffic went on, so only this says that something is missing."""
    if recording["lost"]:
        st.error(
            f"{recording['lost']:,} events could not be recorded, last {moment(recording['last_us'])}. "
            "Traffic went on; rates of that time are incomplete. Is the disk full?",
            icon=":material/report:",
        )
    if recording["sync_failures"]:
        st.warning(
            f"The disk refused {recording['sync_failures']:,} syncs, last {moment(recording['last_us'])}: "
            "events of that time would not survive a power cut.",
            icon=":material/save:",
        )


def _services(services: Row, stored: Row) -> None:
    gateway, plan, ingest = services["gateway"], services["plan"], services["ingest"]
    columns = st.columns(5)
    ready = {True: "ready", False: "not ready", None: "not started"}[gateway["ready"]]
    columns[0].metric("Gateway", ready, help=f"Applications send to {gateway['url']}/v1" if gateway["url"] else None)
    columns[1].metric("Requests stored", count(stored["requests"]), help="Live traffic and evaluation runs")
    columns[2].metric("Evaluation runs", count(stored["runs"]))
    columns[3].metric(
        "Still to be stored", f"{count(ingest['lag_bytes'])} bytes", help="Written by the gateway, not yet read"
    )
    columns[4].metric("Plan", (plan["hash"] or DASH)[:8], help="Every recorded row names the plan that routed it")


def _experiment(experiment: Row, window: str) -> None:
    with st.container(border=True):
        name = experiment["name"]
        st.subheader(plain(name))
        st.markdown(plain(experiment["question"]))
        variants: Sequence[Row] = experiment["traffic"]["variants"]
        if not variants:
            _no_traffic(window)
            return
        control = experiment["control"]
        rows = [traffic.short(row, control) for row in traffic.in_order(variants, control)]
        st.dataframe(rows, hide_index=True, width="stretch", column_config=NUMBERS)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(
                f"Requests of {time_window.WORDS[window]}: plain rates by intention to treat, over enrolled units, to "
                "look at, not to decide by."
            )
            link("Over time, latency, feedback", "experiment", icon=MONITORING, experiment=name, window=window)


def _no_traffic(window: str) -> None:
    of = "yet" if window == "all" else f"in {time_window.WORDS[window]}"
    st.info(
        f"No traffic {of}. Send the route's name in `model` to the gateway, with `user`.",
        icon=":material/sensors_off:",
    )


def _verdicts(gates: Sequence[Row]) -> None:
    if not gates:
        st.info("No verdict yet. Ask for one:", icon=":material/gavel:")
        st.code("fairtrial gate GATE.gate.yaml --candidate tuned --baseline base --run", language=None)
    for row in gates:
        with st.container(border=True):
            _verdict(row)


def _verdict(row: Row) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        badge(row["decision"])
        st.markdown(f"**{plain(row['candidate'])}** by the gate {plain(row['gate'])}")
    st.markdown(plain(row["headline"]))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        earlier = row["verdicts"] - 1
        st.caption(moment_of(row["at_time"]) + (f" · {counted(earlier, 'earlier verdict')}" if earlier else ""))
        link("Evidence", "gate", icon=":material/gavel:", verdict=row["verdict_id"])


view = View(title="Overview", icon=":material/balance:", path="overview", place=1, draw=draw)
