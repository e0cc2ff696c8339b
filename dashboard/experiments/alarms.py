"""Shows alarms, each with its experiment and a button for those who have seen it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.client import Control, Refused, Row
from dashboard.components.formatting import moment_of, plain
from dashboard.components.query_params import link
from dashboard.experiments import open_dialog
from fairtrial.api import alarms

ICONS = {
    "experiment.srm": ":material/balance:",
    "experiment.lost_records": ":material/playlist_remove:",
    "stage.approval": ":material/approval:",
    "experiment.changed": ":material/front_hand:",
    "experiment.worse": ":material/trending_down:",
    "experiment.killed": ":material/dangerous:",
    "experiment.paused": ":material/pause_circle:",
    "experiment.model": ":material/swap_horiz:",
    "experiment.kept_away": ":material/block:",
    "experiment.error": ":material/error:",
    "promotion.rolled_back": ":material/undo:",
    "clock.jump": ":material/schedule:",
    "deployment.ends": ":material/event_upcoming:",
    "deployment.ended": ":material/event_busy:",
}
DEFAULT = ":material/notification_important:"
SEVERE = (
    "experiment.srm",
    "experiment.lost_records",
    "experiment.changed",
    "experiment.worse",
    "experiment.killed",
    "experiment.error",
    "promotion.rolled_back",
    "deployment.ended",
)


def render_alarms(control: Control, alarms: Sequence[Row]) -> None:
    """Draw the open alarms, and below them those that somebody has acknowledged."""
    for alarm in alarms:
        if alarm["state"] == "open":
            _open(control, alarm)
    known = [alarm for alarm in alarms if alarm["state"] == "acknowledged"]
    if known:
        with st.expander(f"Acknowledged alarms ({len(known)})"):
            for alarm in known:
                st.markdown(plain(alarm["text"]))
                st.caption(f"Acknowledged by {plain(alarm['changed_by'])}, {moment_of(alarm['changed_at'])}")


def _open(control: Control, alarm: Row) -> None:
    draw = st.error if alarm["kind"] in SEVERE else st.warning
    draw(plain(alarm["text"]), icon=ICONS.get(alarm["kind"], DEFAULT))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if not alarm["kind"].startswith("deployment."):  # such an alarm has the name of its deployment
            link(f"The experiment {alarm['experiment']}", "experiment", icon=":material/science:",
                 experiment=alarm["experiment"])  # fmt: skip
        if not control.only_reads:
            _acknowledge_button(control, alarm)
        st.caption(f"since {moment_of(alarm['at_time'])}")


def _acknowledge_button(control: Control, alarm: Row) -> None:
    if st.button("Acknowledge", key=f"acknowledge-{alarm['alarm_id']}", help=f"{alarm['kind']}: I have seen this"):
        open_dialog.opened()
        _acknowledge(control, alarm)


@st.dialog("Acknowledge the alarm", on_dismiss=open_dialog.closed)
def _acknowledge(control: Control, alarm: Row) -> None:
    st.write(f"{plain(alarm['text'])} The alarm closes by itself when its cause has gone.")
    with st.form(f"acknowledge {alarm['alarm_id']}", border=False):
        why = st.text_input("Reason (required)", max_chars=500, key=f"reason of {alarm['alarm_id']}")
        confirmed = st.form_submit_button("Acknowledge now", type="primary")
    if not confirmed:
        return
    try:
        control.call(alarms.acknowledge, alarms.AcknowledgeAlarm(alarm_id=alarm["alarm_id"], why=why))
    except Refused as error:
        st.error(plain(str(error)))
        return
    open_dialog.closed()
    st.rerun()
