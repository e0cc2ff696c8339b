"""The approvals of a verdict: who must approve, who voted when and why, and the buttons for those who may vote."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import view
from dashboard.client import Control, Refused, Row
from dashboard.components.formatting import moment, plain
from dashboard.components.tables import prose
from fairtrial.api import accounts, verdicts
from fairtrial.api.operation import Nothing
from fairtrial.domain.accounts import may
from fairtrial.domain.verdicts.approvals import ApprovalVote, vote_note

DONE = {"approve": "approved", "reject": "rejected"}
LABELS: Mapping[ApprovalVote, str] = {"approve": "Approve", "reject": "Reject"}
EFFECTS = {
    "approve": "You confirm that this candidate may be released on this evidence.",
    "reject": "This verdict can't be promoted while your rejection stands.",
}


def draw_approvals(control: Control, record: Row) -> None:
    """Draw the approvals so far, and buttons for visitors who may vote."""
    found, verdict = record["approvals"], record["verdict"]
    st.subheader("Approvals")
    st.markdown(_required(found, verdict["decision"]))
    if found["votes"]:
        rows = [
            {
                "vote": DONE[vote["vote"]],
                "by": vote["actor"],
                "role": vote["role"],
                "when": moment(vote["at_us"]),
                "why": vote["why"],
                "note": vote_note(vote["involved"], vote["barred"]),
            }
            for vote in found["votes"]
        ]
        prose(rows, title=f"approvals of {verdict['verdict_id']}", raw=found["votes"])
    if not control.only_reads and _may_vote(control, found["required"]):
        _buttons(control, record)


def _required(found: Row, decision: str) -> str:
    roles = " and ".join(found["required"])
    text = f"The gate requires: **{plain(roles)}**." if roles else "The gate requires no approval."
    if decision != "SHIP":
        return f"{text} Only a SHIP can be approved."
    if found["waiting"]:
        text += f" Still missing: **{plain(' and '.join(found['waiting']))}**."
    elif found["required"] and found["complete"]:
        text += " All approvals are there."
    return text


def _may_vote(control: Control, required: list[str]) -> bool:
    """Whether the visitor's role is one that the gate asks for; control decides again."""
    role = control.call(accounts.me, Nothing())["role"]
    needed = required or ["release-manager"]
    return any(may(role, one, reading=False) for one in needed)  # type: ignore[arg-type]


def _buttons(control: Control, record: Row) -> None:
    verdict, official = record["verdict"], record["official"]
    if not official:
        st.caption("This verdict is unofficial, so an approval releases nothing.")
    with st.container(horizontal=True, gap="small"):
        for vote, label in LABELS.items():
            if vote == "approve" and verdict["decision"] != "SHIP":
                continue
            kind = "primary" if vote == "approve" and official else "secondary"
            icon = "thumb_up" if vote == "approve" else "thumb_down"
            if st.button(label, key=f"vote-{vote}", type=kind, icon=f":material/{icon}:"):  # type: ignore[arg-type]
                view.opened()
                _confirm(control, verdict, vote)


@st.dialog("Vote on the verdict", on_dismiss=view.closed)
def _confirm(control: Control, verdict: Row, vote: ApprovalVote) -> None:
    name = f"{vote} {verdict['verdict_id']}"
    st.write(f"**{LABELS[vote]} {plain(verdict['candidate'])} against {plain(verdict['baseline'])}.** {EFFECTS[vote]}")
    st.caption("Your name, the time and the reason are recorded permanently. The last vote of each person counts.")
    with st.form(name, border=False):
        why = st.text_input("Reason (required)", max_chars=500, key=f"reason to {name}")
        confirmed = st.form_submit_button(f"{LABELS[vote]} now", type="primary")
    if not confirmed:
        return
    try:
        control.call(verdicts.vote, verdicts.Vote(verdict_id=verdict["verdict_id"], vote=vote, why=why))
    except Refused as error:
        st.error(plain(str(error)))
        return
    view.closed()
    st.rerun()
