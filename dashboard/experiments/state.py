"""Shows the state of an experiment, its transitions, and the buttons that change it."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import streamlit as st
from msgspec import UNSET

from dashboard import view
from dashboard.client import Control, Refused, Row
from dashboard.components import query_params
from dashboard.components.formatting import moment_of, plain
from dashboard.components.tables import prose
from dashboard.experiments.decision import draw_answer
from dashboard.experiments.labels import ACCEPT, ACCEPTS, DANGEROUS, EFFECTS, END_OF_KEPT, LABELS
from dashboard.experiments.overview_rows import first_action
from fairtrial.api import accounts, experiments, verdicts
from fairtrial.api.experiment_answers import Analysis, ExperimentStatus, FileEdit, ShownDecision, TransitionRow
from fairtrial.api.operation import Nothing
from fairtrial.domain.settings import PersonsAction

Kind = Literal["primary", "secondary", "tertiary"]


def named_units(analysis: Analysis | None) -> list[str]:
    """The units that are named as behind a difference by request, which an admin can accept."""
    lines = () if analysis is None else (guardrail.by_request for guardrail in analysis.guardrails)
    return list(dict.fromkeys(unit.unit for line in lines if line is not UNSET for unit in line.named))


def render_state(control: Control, decision: ShownDecision, live: ExperimentStatus, *, approvable: bool) -> None:
    """Draw the next step as the one coloured button, other changes beside it, and dangerous ones apart.

    ``approvable``: whether a later stage needs an approval.
    """
    step, named = decision.box.next, named_units(decision.analysis)
    possible = [action for action in live.possible if action != "approve" or approvable]
    first = first_action(step, possible)
    others = [action for action in possible if action != first]
    st.markdown(f"**Next.** {plain(step.text)}")
    if not control.only_reads:
        if first is not None:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                _button(control, live, first, kind="primary")
                st.caption(EFFECTS[first])
        with st.container(horizontal=True, gap="small"):
            for action in (action for action in others if action not in DANGEROUS):
                _button(control, live, action, kind="tertiary")
            if named and "approve" in live.possible and st.button(ACCEPT, key="state-accept", type="tertiary"):
                view.opened()
                _confirm(control, live, "approve", named)
            with st.container(horizontal=True, gap="small", key="dangerous", width="content"):
                for action in (action for action in others if action in DANGEROUS):
                    _button(control, live, action, kind="secondary")
        _open_by_link(control, live)
    _notes(live)


def _button(control: Control, live: ExperimentStatus, action: PersonsAction, *, kind: Kind) -> None:
    if st.button(LABELS[action], key=f"state-{action}", type=kind, help=EFFECTS[action]):
        view.opened()
        _confirm(control, live, action)


def _open_by_link(control: Control, live: ExperimentStatus) -> None:
    """Open the dialog that the address names, once: a message about an alarm leads to it."""
    asked = query_params.take("do")
    action = next((action for action in live.possible if action == asked), None)
    if action is not None:
        view.opened()
        _confirm(control, live, action)
    elif asked is not None:
        st.info(f"This is not possible now: {plain(LABELS.get(asked, asked))}. {plain(live.sentence)}")  # type: ignore[call-overload]


def _notes(live: ExperimentStatus) -> None:
    """What else is true of the state."""
    if (live.segment or 1) > 1:
        st.caption(f"This is segment {live.segment}; the figures begin with its start.")
    if not live.in_file:
        st.caption("It is no longer in the project file.")
    if live.archived:
        st.caption("It is archived, so lists leave it out.")
    _edit(live.edit)


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
    st.header("History", divider="gray")
    rows = [
        {
            "when": moment_of(row.at_time),
            "action": ACCEPT if _accepted_units(row) else LABELS.get(row.action, row.action),
            "by": row.actor,
            "why": _reason(row),
            "segment": str(row.segment),
            "configuration before": row.plan_hash[:8],
        }
        for row in history
    ]
    prose(rows, title=f"transitions of {name}", raw=msgspec.to_builtins(history))


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
    effect = ACCEPTS if units else END_OF_KEPT if has_control else EFFECTS[action]
    label = ACCEPT if units else LABELS[action]
    st.write(f"**{label} {plain(name)}.** {effect}" if not units else f"**{label}.** {effect}")
    ready = action != "promote" or _evidence(control, name)
    with st.container(key="dangerous-change" if action in DANGEROUS else None), st.form(change, border=False):
        choose = {"promote": _promotion, "resume": _accepted}.get(action)
        chosen = {} if choose is None else choose(control, live, change)
        accepted = tuple(st.multiselect("Users", units, default=units, key=f"units to {change}")) if units else ()
        if accepted:
            chosen = {"unit": accepted}
        why = st.text_input("Reason (required)", max_chars=500, key=f"reason to {change}")
        confirmed = st.form_submit_button(f"{label} now", type="primary" if ready else "secondary")
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


def _evidence(control: Control, name: str) -> bool:
    """The experiment's answer above the official verdict, and why not. Returns whether nothing is missing."""
    decision = control.call(experiments.decision, experiments.DecisionOf(name=name, slices=False))
    release = control.call(experiments.release, experiments.ReleaseOf(name=name))
    official = f"Official verdict: {release.reads or 'there is none'}."
    draw_answer(decision, key="promoted answer", lines=[official, *filter(None, [release.headline])])
    if not release.missing:
        return True
    st.error("### Not now\n" + "\n".join(f"- {plain(lack)}" for lack in release.missing))
    if release.verdict_id:
        query_params.link("Read or approve it", "gate", icon=":material/gavel:", verdict=release.verdict_id)
    if st.button("Judge by the official gate", key=f"judge {name}", type="primary"):
        try:
            judged = control.call(verdicts.judge_variant, verdicts.JudgeVariant(name=name))
        except Refused as error:
            st.error(plain(str(error)))
        else:
            st.write(f"**{plain(judged.headline)}**")
            query_params.link("Read and approve it", "gate", icon=":material/gavel:", verdict=judged.verdict_id)
    return False


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
