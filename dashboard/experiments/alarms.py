"""Shows alarms with a button for those who have seen them, and the test for sample-ratio mismatch."""

from collections.abc import Sequence

import streamlit as st

from dashboard import view
from dashboard.client import Control
from dashboard.components.formatting import count, moment_of, plain
from dashboard.components.query_params import link
from fairtrial.api import alarms
from fairtrial.api.alarms import AlarmRow
from fairtrial.api.experiment_traffic import ExperimentRow, SplitCheck
from fairtrial.domain.wording import counted

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
    "experiment.rests": ":material/hourglass_top:",
    "experiment.accepted": ":material/front_hand:",
    "experiment.error": ":material/error:",
    "promotion.rolled_back": ":material/undo:",
    "clock.jump": ":material/schedule:",
    "deployment.ends": ":material/event_upcoming:",
    "model.same_as_base": ":material/content_copy:",
    "deployment.ended": ":material/event_busy:",
    "store.older": ":material/history:",
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
    "model.same_as_base",
    "store.older",
)
SMALL, LARGE = 0.0001, 0.99
"""P-values outside this range are shown as a bound."""


def render_alarms(control: Control, alarms: Sequence[AlarmRow]) -> None:
    """Draw the open alarms, and below them those that somebody has acknowledged."""
    for alarm in alarms:
        if alarm.state == "open":
            _open(control, alarm)
    known = [alarm for alarm in alarms if alarm.state == "acknowledged"]
    if known:
        with st.expander(f"Acknowledged alarms ({len(known)})"):
            for alarm in known:
                st.markdown(plain(alarm.text))
                st.caption(f"Acknowledged by {plain(alarm.changed_by or '')}, {moment_of(alarm.changed_at)}")


def _open(control: Control, alarm: AlarmRow) -> None:
    draw = st.error if alarm.kind in SEVERE else st.warning
    draw(plain(alarm.text), icon=ICONS.get(alarm.kind, DEFAULT))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if alarm.family not in ("deployment", "store"):  # the first have the name of their deployment
            link(f"The experiment {alarm.experiment}", "experiment", icon=":material/science:",
                 experiment=alarm.experiment)  # fmt: skip
        if not control.only_reads:
            _acknowledge_button(control, alarm)
        st.caption(f"since {moment_of(alarm.at_time)}{f' · {plain(alarm.messages)}' if alarm.messages else ''}")


def _acknowledge_button(control: Control, alarm: AlarmRow) -> None:
    if st.button("Acknowledge", key=f"acknowledge-{alarm.alarm_id}", help=f"{alarm.kind}: I have seen this"):
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


def render_srm_alarm(experiment: ExperimentRow) -> None:
    """Draw an alarm with a link if the split was rejected at any time; for the page of all experiments."""
    name, srm = experiment.name, experiment.srm
    if not srm.invalid:
        return
    st.error(
        f"Sample-ratio mismatch in the experiment **{plain(name)}**: {_mismatch(srm)}. Its variants can't be compared, "
        "and every verdict on them is INVALID. Find out why units are lost or counted twice, then restart the "
        "experiment with a new `salt`.",
        icon=":material/balance:",
    )
    link(f"The experiment {name}", "experiment", icon=":material/science:", experiment=name)


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
