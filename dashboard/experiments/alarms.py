"""Shows alarms with a button for those who have seen them, and the test for sample-ratio mismatch."""

from collections.abc import Sequence

import streamlit as st

from dashboard import view
from dashboard.client import Control
from dashboard.components.formatting import count, moment_of, plain
from dashboard.experiments.overview_rows import SAID, words_of
from fairtrial.api import alarms
from fairtrial.api.alarms import AlarmRow
from fairtrial.api.experiment_traffic import SplitCheck
from fairtrial.domain.wording import counted

SMALL, LARGE = 0.0001, 0.99
"""P-values outside this range are shown as a bound."""


def render_alarms(control: Control, alarms: Sequence[AlarmRow]) -> None:
    """Draw the alarms of an experiment, the open ones with a button for those who have seen them."""
    for alarm in alarms:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(words_of(alarm).capitalize())}** since {moment_of(alarm.at_time)}", width="content")
            if alarm.state == "acknowledged":
                st.caption(f"Acknowledged by {plain(alarm.changed_by or '')}, {moment_of(alarm.changed_at)}")
            elif not control.only_reads and st.button("Acknowledge", key=f"acknowledge-{alarm.alarm_id}"):
                ask_to_acknowledge(control, alarm)
        texts = ["" if alarm.kind in SAID else alarm.text, alarm.messages or ""]
        if any(texts):
            st.caption(plain(" · ".join(filter(None, texts))))


def ask_to_acknowledge(control: Control, alarm: AlarmRow) -> None:
    """Open the dialog that acknowledges an alarm."""
    view.opened()
    _acknowledge(control, alarm)


@st.dialog("Acknowledge the alarm", on_dismiss=view.closed)
def _acknowledge(control: Control, alarm: AlarmRow) -> None:
    st.write(f"{plain(alarm.text)} The alarm closes by itself when its cause has gone.")
    view.ask_reason(
        f"acknowledge {alarm.alarm_id}",
        "Acknowledge now",
        lambda why: control.call(alarms.acknowledge, alarms.AcknowledgeAlarm(alarm_id=alarm.alarm_id, why=why)),
    )


def render_srm(srm: SplitCheck) -> None:
    """Draw the result of the test; an error if the split was rejected at any time."""
    if srm.units < 1:
        st.caption(f"The split is checked from the first unit on.{_earlier(srm)}")
        return
    if srm.invalid:
        st.error(
            f"Sample-ratio mismatch: {_mismatch(srm)}. Units are lost or counted twice, so the arms can't be compared: "
            "ignore the comparison below. Find the cause, then restart the experiment with a new `salt`."
            f"{_beyond(srm)}",
            icon=":material/balance:",
        )
        return
    units, names, planned = _arms(srm)
    fixed = "" if srm.p_fixed is None else f"; χ² test at one fixed look: p {_p(srm.p_fixed)}"
    st.caption(
        f"No sample-ratio mismatch so far: {units} units ({names}), planned {planned} "
        f"(p {_p(srm.p)} over all looks so far{fixed}).{_beyond(srm)}{_earlier(srm)}"
    )


def _mismatch(srm: SplitCheck) -> str:
    units, names, planned = _arms(srm)
    seen = f"p {_p(srm.p)}, first seen at unit {count(srm.crossed_at)}"
    return f"{units} units ({names}), but {planned} were planned ({seen})"


def _arms(srm: SplitCheck) -> tuple[str, str, str]:
    """The units, names and planned shares of the arms."""
    units = " / ".join(count(arm.units) for arm in srm.arms)
    names = " / ".join(plain(arm.variant) for arm in srm.arms)
    return units, names, " / ".join(f"{100 * arm.planned:g} %" for arm in srm.arms)


def _earlier(srm: SplitCheck) -> str:
    if not srm.earlier:
        return ""
    units, verb = counted(srm.earlier, "unit"), "is" if srm.earlier == 1 else "are"
    return f" {units} that came only under an earlier configuration {verb} not counted: its split may have differed."


def _beyond(srm: SplitCheck) -> str:
    return f" Only the first {count(srm.units)} units are tested; there are more." if srm.more else ""


def _p(value: float | None) -> str:
    if value is None:
        return "unknown"
    if value > LARGE:
        return f"> {LARGE:g}"
    return f"= {value:.2g}" if value >= SMALL else f"< {SMALL:.4f}"
