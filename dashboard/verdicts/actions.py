"""Draws what can be done with a verdict: approve it, check it and its place in the hash chain, and get its files."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import streamlit as st

from dashboard import view
from dashboard.client import Control, Refused
from dashboard.components.document import draw_blocks
from dashboard.components.formatting import plain
from dashboard.components.tables import offer
from dashboard.view import address_at_control, link
from fairtrial.api import accounts, verdicts
from fairtrial.api.operation import Nothing, to_http
from fairtrial.api.verdict_answers import Integrity, ReleaseRecord
from fairtrial.documents.release_record import approvals, integrity
from fairtrial.domain.accounts import Role, may
from fairtrial.domain.verdicts.approvals import ApprovalVote
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.wording import counted, rows_by_table

LABELS: Mapping[ApprovalVote, str] = {"approve": "Approve", "reject": "Reject"}
EFFECTS = {
    "approve": "You confirm that this candidate may be released on this evidence.",
    "reject": "This verdict can't be promoted while your rejection stands.",
}
FORMS: Mapping[verdicts.Form, tuple[str, str, str]] = {
    "markdown": ("Markdown", "md", "text/markdown"),
    "junit": ("JUnit", "xml", "application/xml"),
    "json": ("JSON", "json", "application/json"),
}


def draw_approvals(control: Control, record: ReleaseRecord) -> None:
    """Draw the approvals so far, and buttons for visitors who may vote."""
    state, verdict = record.approvals, record.verdict
    draw_blocks(approvals(verdict, state.state))
    if state.votes:
        offer(msgspec.to_builtins(state.votes), title=f"approvals of {verdict.verdict_id}")
    if not control.only_reads and _may_vote(control, state.required):
        _buttons(control, record)


def _may_vote(control: Control, required: Sequence[Role]) -> bool:
    """Whether the visitor's role is one that the gate asks for; control decides again."""
    role = control.call(accounts.me, Nothing()).role
    needed: Sequence[Role] = required or ("release-manager",)
    return any(may(role, role_needed, reading=False) for role_needed in needed)


def _buttons(control: Control, record: ReleaseRecord) -> None:
    verdict, official = record.verdict, record.official
    if not official:
        st.caption("This verdict is unofficial, so an approval releases nothing.")
    with st.container(horizontal=True, gap="small"):
        for vote, label in LABELS.items():
            if vote == "approve" and verdict.decision != "SHIP":
                continue
            kind = "primary" if vote == "approve" and official and not record.stale else "secondary"
            icon = "thumb_up" if vote == "approve" else "thumb_down"
            if st.button(label, key=f"vote-{vote}", type=kind, icon=f":material/{icon}:"):  # type: ignore[arg-type]
                view.opened()
                _confirm(control, verdict, vote)


@st.dialog("Vote on the verdict", on_dismiss=view.closed)
def _confirm(control: Control, verdict: Verdict, vote: ApprovalVote) -> None:
    verdict_id = verdict.verdict_id
    st.write(f"**{LABELS[vote]} {plain(verdict.candidate)} against {plain(verdict.baseline)}.** {EFFECTS[vote]}")
    st.caption("Your name, the time and the reason are recorded permanently. The last vote of each person counts.")
    view.ask_reason(
        f"{vote} {verdict_id}",
        f"{LABELS[vote]} now",
        lambda why: control.call(verdicts.vote, verdicts.Vote(verdict_id=verdict_id, vote=vote, why=why)),
    )


def draw_downloads(control: Control, record: ReleaseRecord) -> None:
    """Draw the files of the verdict, and the link to its page for print."""
    verdict_id = record.verdict.verdict_id
    request = verdicts.NameVerdict(verdict_id=verdict_id)
    export = to_http(verdicts.export, request).path
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _file("Export", partial(control.call, verdicts.export, request), f"verdict-{verdict_id}.html", "text/html")
        for form, (label, ending, mime) in FORMS.items():
            _file(
                label,
                partial(_report, control, verdicts.ReportOf(verdict_id=verdict_id, form=form)),
                f"verdict-{verdict_id}.{ending}",
                mime,
            )
        if record.chain is not None:
            made = partial(control.call, verdicts.evidence, request)
            _file("Evidence", made, f"evidence-{verdict_id}.json", "application/json")
        link(address_at_control(control, export), "Print view", new_tab=True)
    st.caption(
        "The export is one page for an auditor, with the evidence inside. `fairtrial verdict verify FILE` checks it."
    )


def draw_checks(control: Control, record: ReleaseRecord) -> None:
    """Draw the chain entry, and the buttons that verify the verdict and judge it again."""
    draw_blocks(integrity(record.chain, record.trail_head))
    if record.chain is None:
        return
    st.caption("Keep the head elsewhere: compared later, it shows that nobody replaced the whole chain.")
    with st.container(horizontal=True, gap="small"):
        verify = st.button("Verify", key="verify", icon=":material/verified_user:")
        again = st.button("Judge again from the evidence", key="judge-again", icon=":material/calculate:")
    request = verdicts.NameVerdict(verdict_id=record.verdict.verdict_id)
    if verify:
        _integrity(control.call(verdicts.integrity_of, request))
    if again:
        _recomputed(control, request)


def _integrity(integrity: Integrity) -> None:
    for problem in integrity.problems:
        st.error(f"Changed: {plain(problem.says)}", icon=":material/link_off:")
    if integrity.intact:
        covered = rows_by_table(integrity.covered)
        st.success(
            f"Intact: this verdict, its evidence, the chain of {counted(integrity.verdicts, 'verdict')} "
            f"and the audit trail are as they were stored{f', and so are {covered}' if covered else ''}.",
            icon=":material/link:",
        )
    if uncovered := rows_by_table(integrity.uncovered):
        st.caption(f"Not covered, because earlier versions recorded no digest: {uncovered}.")


def _recomputed(control: Control, request: verdicts.NameVerdict) -> None:
    try:
        recomputed = control.call(verdicts.recomputation, request)
    except Refused as error:
        st.error(plain(str(error)))
        return
    lines = recomputed.lines
    looks = sum(look.stored for look in recomputed.looks)
    repeated = f" {counted(looks, 'look')} at live traffic repeated." if looks else ""
    if recomputed.same:
        st.success(
            f"The same: the evidence gives {recomputed.decision_now} again, with all "
            f"{counted(len(lines), 'finding')} equal.{repeated}",
            icon=":material/check:",
        )
    else:
        st.error(
            f"Changed: it said {recomputed.decision}, and the evidence gives {recomputed.decision_now} now.",
            icon=":material/difference:",
        )
    for sentence in recomputed.differences:
        st.markdown(f"- {plain(sentence)}")
    for line in (changed for changed in lines if not changed.same):
        st.markdown(f"- {plain(line.rule)}: {plain(line.says)} **now:** {plain(line.says_now)}")
    if recomputed.program != recomputed.program_now:
        st.caption(f"Judged by fairtrial {plain(recomputed.program)}; this is {plain(recomputed.program_now)}.")


def _file(label: str, made: partial[Any], name: str, mime: str) -> None:
    st.download_button(label, made, name, mime, key=f"take-{label}", icon=":material/download:", on_click="ignore")


def _report(control: Control, request: verdicts.ReportOf) -> str:
    return control.call(verdicts.report, request).text
