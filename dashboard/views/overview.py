"""Draws the overview page: one table of what needs a person, what runs and what is over, and what is below it."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from dashboard import view as open_dialog
from dashboard.client import Control, ControlUnreachable, Refused
from dashboard.components import query_params
from dashboard.components.formatting import DASH, count, moment, moment_of, plain
from dashboard.components.markup import draw_markup
from dashboard.components.query_params import link
from dashboard.experiments import traffic
from dashboard.experiments.alarms import ask_to_acknowledge
from dashboard.experiments.overview_rows import OverviewRow, overview_rows, problem_rows
from dashboard.verdicts.first_verdict import draw_first_verdict
from dashboard.verdicts.list import badge, title_of
from dashboard.view import View
from fairtrial.api import alarms as alarm_operations, experiments, store, traffic as traffic_operations, verdicts
from fairtrial.api.alarms import AlarmRow, ListAlarms
from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.api.experiments import ListStates
from fairtrial.api.operation import Nothing, Window
from fairtrial.api.store import ServiceStates
from fairtrial.api.verdict_answers import NewestVerdict
from fairtrial.api.verdicts import FirstStep
from fairtrial.domain.verdicts.verdict_wording import standing_word, titled
from fairtrial.domain.wording import counted

NEWEST = 20
REFRESH_SECONDS = 5
SHARED = "seen"
"""The parameter of a shared link: since when changes are listed."""
SEEN = "fairtrial_seen"
"""The cookie with the time, in milliseconds, at which this browser last showed the overview."""
GROUPS = ("Needs you", "Runs by itself", "Over")


@dataclass(frozen=True, slots=True)
class Watched:
    """What the page is drawn again for."""

    alarms: Sequence[AlarmRow]
    states: Sequence[ExperimentStatus]
    steps: Sequence[FirstStep]

    def digest(self) -> str:
        alarms = [(alarm.alarm_id, alarm.state, alarm.text) for alarm in self.alarms]
        return repr([self.steps, alarms, [(state.name, state.state, state.stage, state.edit) for state in self.states]])


def draw(control: Control) -> None:
    """Draw the page."""
    st.title("Overview")
    services, watched = control.call(store.services, Nothing()), _watched(control)
    decisions = control.call(experiments.decisions, ListStates())
    problems = problem_rows(services, watched.alarms, can_change=not control.only_reads)
    _table([*problems, *overview_rows(decisions, watched.states, watched.alarms)])
    if not watched.states:
        st.info("No experiments yet. Declare one in fairtrial.yaml under `experiments:`.", icon=":material/science:")
    if watched.steps:
        draw_first_verdict(control, watched.steps)
    gates = control.call(verdicts.gates, Window(limit=NEWEST))
    if gates:
        st.header("Newest verdicts", divider="gray")
    for row in gates:
        with st.container(border=True):
            _verdict(row)
    traffic.warn_feedback(control.call(traffic_operations.attributions, Window(limit=1000)))
    _services(services, control)
    asked = query_params.take("alarm")
    for alarm in watched.alarms:
        if alarm.alarm_id == asked and not control.only_reads:
            ask_to_acknowledge(control, alarm)
    _watch(control, watched.digest())


def _table(rows: Sequence[OverviewRow]) -> None:
    """The table, sorted by what needs the visitor, and what changed since the visitor's last look."""
    seen_us = _seen_us()
    shown = sorted((row.since_seen(seen_us) for row in rows), key=lambda row: row.rank)
    groups = [(title, [row.html() for row in shown if row.group == number]) for number, title in enumerate(GROUPS)]
    needed, runs, over = (len(found) for _, found in groups)
    verb, are = "needs" if needed == 1 else "need", "is" if over == 1 else "are"
    run = "runs by itself" if runs == 1 else "run by themselves"
    draw_markup(
        "overview.html",
        key="overview-table",
        looked=SEEN,
        summary=f"{needed} {verb} you, {runs} {run}, {over} {are} over." if shown else "Nothing needs you.",
        changes=_changes(shown, seen_us),
        groups=groups,
        seen=seen_us or time.time_ns() // 1000,
    )


def _seen_us() -> int:
    """When the visitor last saw this page, by the link that was followed or by this browser's cookie; 0 if unknown."""
    given = query_params.get(SHARED)
    cookie: object = st.context.cookies.get(SEEN)
    text = given or (f"{cookie}000" if isinstance(cookie, str) else "")
    return int(text) if text.isdecimal() and len(text) < 18 else 0


def _changes(rows: Sequence[OverviewRow], seen_us: int) -> str:
    """``Since you last looked: 1 rolled back, 3 unchanged.``"""
    if not seen_us or not rows:
        return ""
    changed = Counter(row.standing.word.lower() for row in rows if row.changed)
    parts = [f"{number} {word}" for word, number in changed.most_common()]
    unchanged = len(rows) - changed.total()
    return f"Since you last looked ({moment(seen_us)}): {', '.join([*parts, f'{unchanged} unchanged'])}."


def _watched(control: Control) -> Watched:
    return Watched(
        control.call(alarm_operations.listing, ListAlarms()),
        control.call(experiments.states, ListStates()),
        control.call(verdicts.first, Nothing()),
    )


@st.fragment(run_every=REFRESH_SECONDS)
def _watch(control: Control, seen: str) -> None:
    """Draw the page again as soon as something watched has changed, unless a dialog is open. It shows nothing."""
    with suppress(ControlUnreachable, Refused):
        if _watched(control).digest() != seen:
            open_dialog.refresh_page()


def _services(services: ServiceStates, control: Control) -> None:
    gateway, plan, ingest = services.gateway, services.plan, services.ingest
    stored = control.call(store.overview, Nothing()).rows
    ready = {True: "ready", False: "not ready", None: "not started"}[gateway.ready]
    facts = (
        f"Gateway {ready}{f' at {gateway.url}' if gateway.url else ''}",
        f"{counted(stored['requests'], 'request')} stored",
        f"{count(ingest.lag_bytes)} bytes waiting to be stored",
        f"configuration {(plan.hash or DASH)[:8]}",
    )
    st.caption(plain(" · ".join(facts)))


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
