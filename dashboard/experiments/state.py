"""Shows the state of an experiment, its transitions, and the buttons that change it."""

from collections.abc import Sequence

import msgspec
import streamlit as st
from msgspec import UNSET

from dashboard import view
from dashboard.client import Control, Refused, Row
from dashboard.components import query_params
from dashboard.components.formatting import moment_of, plain
from dashboard.components.tables import table
from fairtrial.api import accounts, experiments, verdicts
from fairtrial.api.experiment_answers import Analysis, ExperimentStatus, FileEdit, TransitionRow
from fairtrial.api.operation import Nothing
from fairtrial.domain.settings import PersonsAction

LABELS = {
    "start": "Start",
    "approve": "Approve stage",
    "stage": "Stage",
    "amend": "Amend",
    "pause": "Pause",
    "resume": "Continue",
    "kill": "Stop",
    "rearm": "Start again",
    "end": "End",
    "promote": "Promote",
    "rollback": "Roll back",
    "withdraw": "Withdraw what stands against it",
    "archive": "Archive",
}
EFFECTS = {
    "start": "The experiment starts, and its analysis plan is frozen.",
    "approve": "The next stage that needs an approval starts as soon as its other conditions hold.",
    "amend": "What the project file says now becomes the plan. If it changes what decides, only later units count.",
    "pause": "All traffic goes to the control until you continue. Units of this time are not counted.",
    "resume": "The experiment continues with the same units, whose windows go on. Proven harm still stops it.",
    "kill": "All traffic goes to the control within a second. *Start again* starts it with new units.",
    "rearm": "A new segment starts: units are assigned anew, and those of earlier segments are not counted.",
    "end": "The route serves the control from now on. Nothing can start this experiment again.",
    "end kept": "The promoted variant serves everyone from now on. Only *Roll back* brings the control back.",
    "withdraw": "What attempts have proven, and a stop or undoing, no longer stops a release. Verdicts show why.",
    "archive": "The experiment leaves the lists. Its result, plan and looks stay readable under its name.",
    "promote": "The experiment ends, or goes on with the control that you keep, and the variant serves everyone until "
    "you undo it or the project file says the same. The gate must have decided before.",
    "rollback": "It is rolled back: the route serves the control from now on. Nothing can start this experiment again.",
}


ACCEPT = "Accept named users"
ACCEPTS = (
    "The requests of these users no longer keep a guardrail from being safe. They stay in the figures. Verdicts and "
    "pages show the acceptance, which ends with the segment. Only an admin can accept users."
)


def named_units(analysis: Analysis | None) -> list[str]:
    """The units that are named as behind a difference by request, which an admin can accept."""
    lines = () if analysis is None else (guardrail.by_request for guardrail in analysis.guardrails)
    return list(dict.fromkeys(unit.unit for line in lines if line is not UNSET for unit in line.named))


def render_state(control: Control, live: ExperimentStatus, *, approvable: bool, named: Sequence[str] = ()) -> None:
    """Draw the state, unless the result above says it, and a button for each change that the state allows.

    ``approvable``: whether a later stage needs an approval. ``named``: the units that can be accepted.
    """
    text = plain(live.sentence) if live.state == "running" else ""
    if (live.segment or 1) > 1:
        text += f" This is segment {live.segment}; the figures begin with its start."
    if text:
        st.caption(text)
    if not live.in_file:
        st.caption("It is no longer in the project file.")
    if live.archived:
        st.caption("It is archived, so lists leave it out.")
    _edit(live.edit)
    if control.only_reads:
        return
    with st.container(horizontal=True, gap="small"):
        for action in live.possible:
            if action == "approve" and not approvable:
                continue
            if st.button(LABELS[action], key=f"state-{action}"):
                view.opened()
                _confirm(control, live, action)
        if named and "approve" in live.possible and st.button(ACCEPT, key="state-accept"):
            view.opened()
            _confirm(control, live, "approve", named)


def _edit(edit: FileEdit | None) -> None:
    """What to write into the project file after a promotion."""
    if edit is None:
        return
    st.markdown(plain(edit.note))
    if edit.lines:
        st.code("\n".join(edit.lines), language="yaml")


def render_transitions(control: Control, name: str) -> None:
    """Draw the audit trail of the experiment's state, newest first."""
    history = control.call(experiments.transitions, experiments.TransitionsOf(name=name))
    if not history:
        return
    st.markdown("**Transitions**")
    rows = [
        {
            "when": moment_of(row.at_time),
            "action": ACCEPT if _accepted_units(row) else LABELS.get(row.action, row.action),
            "by": row.actor,
            "why": _reason(row),
            "segment": row.segment,
            "configuration before": row.plan_hash,
        }
        for row in history
    ]
    table(rows, title=f"transitions of {name}", raw=msgspec.to_builtins(history))


def _accepted_units(row: TransitionRow) -> list[str]:
    """The users that an approval accepted instead of a stage."""
    return [accepted.unit for accepted in row.shown.accepted_units]


def _reason(row: TransitionRow) -> str:
    """The reason, with the users that were accepted, or what a promotion lacked if an admin overrode it."""
    if units := _accepted_units(row):
        return f"{row.why} ({', '.join(dict.fromkeys(units))})"
    missing = "; ".join(row.shown.missing) if row.shown.override else ""
    return f"{row.why} (overriding: {missing})" if missing else row.why


@st.dialog("Change the experiment", on_dismiss=view.closed)
def _confirm(control: Control, live: ExperimentStatus, action: PersonsAction, units: Sequence[str] = ()) -> None:
    name, change = live.name, f"{action} after {live.last_transition}"  # each change asks for its own reason
    has_control = action == "end" and live.state == "running" and live.kept_control is not None
    effect = ACCEPTS if units else EFFECTS["end kept" if has_control else action]
    label = ACCEPT if units else LABELS[action]
    st.write(f"**{label} {plain(name)}.** {effect}" if not units else f"**{label}.** {effect}")
    if action == "promote":
        _evidence(control, name)
    with st.form(change, border=False):
        choose = {"promote": _promotion, "resume": _accepted}.get(action)
        chosen = {} if choose is None else choose(control, live, change)
        accepted = tuple(st.multiselect("Users", units, default=units, key=f"units to {change}")) if units else ()
        if accepted:
            chosen = {"unit": accepted}
        why = st.text_input("Reason (required)", max_chars=500, key=f"reason to {change}")
        confirmed = st.form_submit_button(f"{label} now", type="primary")
    if not confirmed:
        return
    if units and not accepted:
        st.error("Select at least one user.")
        return
    try:
        control.call(experiments.change, experiments.ChangeExperiment(name=name, action=action, why=why, **chosen))
    except Refused as error:
        first, *missing = str(error).splitlines()
        st.error("\n".join([plain(first), *(f"- {plain(line.removeprefix('- '))}" for line in missing)]))
        return
    view.closed()
    st.rerun()


def _accepted(control: Control, live: ExperimentStatus, change: str) -> Row:
    """The declines that continuing accepts, and a field for each that needs its amount by name."""
    amounts, decision = [], control.call(experiments.decision, experiments.DecisionOf(name=live.name, slices=False))
    for number, decline in enumerate(decision.accepts):
        st.warning(f"Continuing accepts this: {plain(decline.words)}. It stays an alarm.", icon=":material/front_hand:")
        if decline.write:
            label = f"To accept it, write {decline.write} for {plain(decline.metric)}"
            amounts.append((decline.metric, st.text_input(label, max_chars=20, key=f"accept {number} to {change}")))
    return {"accept": tuple(f"{metric}={amount}" for metric, amount in amounts if amount)}


def _evidence(control: Control, name: str) -> None:
    """The experiment's answer beside the newest verdict on its candidate, so that nobody promotes without either."""
    left, right = st.columns(2)
    with left:
        st.markdown("**The experiment**")
        decision = control.call(experiments.decision, experiments.DecisionOf(name=name, slices=False))
        st.write(plain(decision.box.headline))
    with right:
        st.markdown("**The official verdict**")
        release = control.call(experiments.release, experiments.ReleaseOf(name=name))
        st.write(plain(release.reads or "There is none."))
        for lack in release.missing:
            st.caption(f"Missing: {plain(lack)}")
        if release.verdict_id:
            query_params.link("Read or approve it", "gate", icon=":material/gavel:", verdict=release.verdict_id)
        if release.missing and st.button("Judge by the official gate", key=f"judge {name}"):
            try:
                judged = control.call(verdicts.judge_variant, verdicts.JudgeVariant(name=name))
            except Refused as error:
                st.error(plain(str(error)))
            else:
                st.write(f"**{plain(judged.headline)}**")
                query_params.link("Read and approve it", "gate", icon=":material/gavel:", verdict=judged.verdict_id)


def _promotion(control: Control, live: ExperimentStatus, change: str) -> Row:
    """What to promote. Only admins see the box that overrides what is missing."""
    treatments = live.treatments
    variant = st.selectbox("Variant", treatments, format_func=plain, key=f"variant to {change}")
    share = _kept_control(change)
    if control.call(accounts.me, Nothing()).role != "admin":
        return {"variant": variant, **share}
    label = "Promote even if something is missing. The record says what, and every page shows it."
    return {"variant": variant, **share, "override": st.checkbox(label, key=f"override to {change}")}


def _kept_control(change: str) -> Row:
    """How much of the control stays after the promotion, and for how long; nothing by default."""
    left, right = st.columns(2)
    with left:
        share = st.number_input("Keep a control at % of the units (0: none)", 0, 50, 0, key=f"share kept by {change}")
    with right:
        days = st.number_input("For so many days", 1, 90, 14, key=f"days kept by {change}")
    st.caption("Harm beyond a guardrail's margin then undoes it. Too few users to find harm in that time refuse it.")
    return {"keep_control": f"{share}%", "keep_for": f"{days}d"} if share else {}
