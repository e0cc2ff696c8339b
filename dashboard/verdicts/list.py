"""Lists verdicts, newest first, with filters, and defines their words, icons and colours. Colour is never alone."""

from collections.abc import Mapping
from typing import Any

import msgspec
import streamlit as st

from dashboard.client import Control
from dashboard.components import query_params
from dashboard.components.formatting import moment_of
from dashboard.components.query_params import filtered
from dashboard.components.tables import offer, suggest_command
from dashboard.experiments.standing import Colour, Shape, Standing
from fairtrial.api import verdicts
from fairtrial.api.verdict_answers import ListedVerdict, ReleaseRecord, VerdictRow
from fairtrial.domain.verdicts.approvals import ApprovalStanding
from fairtrial.domain.verdicts.verdict import Decision, Finding, Result
from fairtrial.domain.verdicts.verdict_wording import UNOFFICIAL, standing_word, titled

DECISIONS: Mapping[Decision, tuple[str, Any, str]] = {
    "SHIP": (":material/check_circle:", "green", "may ship"),
    "HOLD": (":material/hourglass_top:", "orange", "not yet: not enough evidence"),
    "BLOCK": (":material/block:", "red", "must not ship"),
    "INVALID": (":material/help:", "violet", "the evidence is unsound"),
}
STANDINGS: Mapping[Decision, tuple[Shape, Colour]] = {
    "SHIP": ("good", "green"), "HOLD": ("wait", "amber"), "BLOCK": ("stop", "red"), "INVALID": ("invalid", "red"),
}  # fmt: skip
APPROVALS: Mapping[ApprovalStanding, tuple[str, str, Decision]] = {
    "waiting": ("SHIP, waiting", "may ship as soon as it is approved", "HOLD"),
    "rejected": ("SHIP, rejected", "must not ship, because somebody rejected it", "BLOCK"),
}
"""The label of a SHIP without its approvals, what it means, and the decision whose icon and colour it has."""
UNOFFICIAL_ICON = ":material/draft:"
RESULTS: Mapping[Result, str] = {
    "pass": "✓ pass",
    "cannot tell": "? cannot tell",
    "fail": "✗ fail",
    "invalid": "! invalid",
}
SHAPES = {"pass": "circle", "cannot tell": "diamond", "fail": "triangle-down", "invalid": "cross", "shown": "square"}
"""The shape of each result in charts."""

MOST = 500
COMMAND = "fairtrial gate GATE.gate.yaml --candidate tuned --baseline base --run"


def title_of(row: ListedVerdict | ReleaseRecord) -> str:
    """How a verdict reads, such as ``SHIP, waiting for release-manager``, ``SHIP, stale`` or ``Unofficial SHIP``."""
    return titled(row.reads, official=row.official)


def meaning_of(row: ListedVerdict) -> str:
    """What the decision means."""
    if row.decision != "SHIP":
        return DECISIONS[row.decision][2]
    if not row.official:
        return "unofficial, so it releases nothing"
    if row.stale:
        return f"no longer stands: {row.stale[0]}"
    return APPROVALS[row.approval][1] if row.approval in ("waiting", "rejected") else "may ship"


def standing_of(record: ReleaseRecord) -> Standing:
    """How a verdict reads, with a shape and a colour; grey for an unofficial gate."""
    verdict, votes = record.verdict, record.approvals
    shape, colour = STANDINGS[verdict.decision]
    if verdict.decision == "SHIP" and (record.stale or votes.rejected):
        shape, colour = ("stop", "red") if votes.rejected else ("worse", "amber")
    elif verdict.decision == "SHIP" and votes.waiting:
        shape, colour = STANDINGS["HOLD"]
    return Standing(title_of(record), shape, colour if record.official else "grey")


def badge(row: ListedVerdict) -> None:
    """Draw SHIP, HOLD, BLOCK or INVALID with its icon.

    A verdict of an unofficial gate is grey and says so. A SHIP is green only if no approval is missing.
    """
    if not row.official:
        st.badge(f"{UNOFFICIAL} {row.decision}", icon=UNOFFICIAL_ICON, color="gray")
        return
    if row.stale:
        st.badge(f"{row.decision}, stale", icon=DECISIONS["HOLD"][0], color=DECISIONS["HOLD"][1])
        return
    label, shown = str(row.decision), row.decision
    if row.approval in ("waiting", "rejected"):
        label, _, shown = APPROVALS[row.approval]
    icon, colour, _ = DECISIONS[shown]
    st.badge(label, icon=icon, color=colour)


def result_of(finding: Finding) -> str:
    """The result as a table cell; a finding that is only shown is marked as such."""
    return RESULTS[finding.result] if finding.decisive else "· shown"


def draw_verdict_list(control: Control) -> None:
    """Draw the list."""
    st.title("Gate")
    listed = control.call(verdicts.listing, verdicts.ListVerdicts(limit=MOST))
    if not listed:
        suggest_command("No verdicts yet. Judge a candidate by a gate:", COMMAND, icon=":material/gavel:")
        return
    rows = filtered(listed, "gate", "candidate")
    titles = {row.verdict_id: name_of(row) for row in rows}
    query_params.open_row([_line(row) for row in rows], titles, name="verdict", article="a")
    offer(msgspec.to_builtins(rows), title="verdicts")


def name_of(row: VerdictRow) -> str:
    """A verdict's label in a selection."""
    return f"{title_of(row)}: {row.candidate}, gate {row.gate}, {moment_of(row.at_time)}"


def _line(row: VerdictRow) -> dict[str, str]:
    return {
        "reads": title_of(row),
        "standing": standing_word(official=row.official),
        "candidate": row.candidate,
        "baseline": row.baseline,
        "gate": row.gate,
        "judged": moment_of(row.at_time),
        "meaning": meaning_of(row),
    }
