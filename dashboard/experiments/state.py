"""Shows the state of an experiment in one sentence, its transitions, and the buttons that change it."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from dashboard.client import Control, Refused, Row
from dashboard.components.formatting import moment_of, plain
from dashboard.components.tables import table

LABELS = {"pause": "Pause", "resume": "Resume", "kill": "Kill", "rearm": "Re-arm", "end": "End"}
EFFECTS = {
    "pause": "All traffic goes to the control until you resume. Units of this time are not counted.",
    "resume": "The experiment continues with the same units.",
    "kill": "All traffic goes to the control within a second. Only a re-arm starts the experiment again.",
    "rearm": "A new segment starts: units are assigned anew, and those of earlier segments are not counted.",
    "end": "The route serves the control from now on. Nothing can start this experiment again.",
}
ICONS = {"paused": ":material/pause_circle:", "killed": ":material/dangerous:", "ended": ":material/flag:"}


def render_state(control: Control, live: Row) -> None:
    """Draw the state with its last transition, and a button for each change that the state allows."""
    text = plain(live["sentence"])
    if live["segment"] > 1:
        text += f" This is segment {live['segment']}; the figures begin with its start."
    if live["state"] == "running":
        st.caption(text)
    else:
        draw = st.error if live["state"] == "killed" else st.warning
        draw(text, icon=ICONS[live["state"]])
    with st.container(horizontal=True, gap="small"):
        for action in live["possible"]:
            if st.button(LABELS[action], key=f"state-{action}"):
                _confirm(control, live, action)


def render_transitions(control: Control, name: str) -> None:
    """Draw the audit trail of the experiment's state, newest first."""
    found = control.rows(_path(name, "transitions"))
    if not found:
        return
    st.markdown("**Transitions**")
    rows = [
        {
            "when": moment_of(row["at_time"]),
            "action": LABELS.get(row["action"], row["action"]),
            "by": row["actor"],
            "why": row["why"],
            "segment": row["segment"],
            "plan before": row["plan_hash"],
        }
        for row in found
    ]
    table(rows, title=f"transitions of {name}", raw=found)


@st.dialog("Change the experiment")
def _confirm(control: Control, live: Row, action: str) -> None:
    name, change = live["name"], f"{action} after {live['last_transition']}"  # each change asks for its own reason
    st.write(f"**{LABELS[action]} {plain(name)}.** {EFFECTS[action]}")
    with st.form(change, border=False):
        why = st.text_input("Reason (required)", max_chars=500, key=f"reason to {change}")
        confirmed = st.form_submit_button(f"{LABELS[action]} now", type="primary")
    if not confirmed:
        return
    try:
        control.send("POST", _path(name, action), {"why": why})
    except Refused as error:
        st.error(plain(str(error)))
        return
    st.rerun()


def _path(name: str, what: str) -> str:
    return f"/api/experiments/{quote(name, safe='')}/{what}"
