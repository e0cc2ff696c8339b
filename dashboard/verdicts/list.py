"""The list of verdicts, newest first, with filters."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components import query_params
from dashboard.components.filters import filtered
from dashboard.components.formatting import moment_of
from dashboard.components.tables import offer
from dashboard.verdicts.wording import meaning_of, title_of
from fairtrial.api import verdicts
from fairtrial.domain.verdicts.verdict_wording import standing_word

MOST = 500
COMMAND = "fairtrial gate GATE.gate.yaml --candidate tuned --baseline base --run"


def draw_verdict_list(control: Control) -> None:
    """Draw the list."""
    st.title("Gate")
    found = control.call(verdicts.listing, verdicts.ListVerdicts(limit=MOST))
    if not found:
        st.info("No verdicts yet. Judge a candidate by a gate:", icon=":material/gavel:")
        st.code(COMMAND, language=None)
        return
    rows = filtered(found, "gate", "candidate")
    selected = st.dataframe(
        [_line(row) for row in rows],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key="verdicts-selected",
    )
    chosen = [rows[at]["verdict_id"] for at in selected["selection"]["rows"] if at < len(rows)] or [_select(rows)]
    if chosen[0] is not None:
        query_params.go(verdict=chosen[0])
        st.rerun()
    offer(rows, title="verdicts")


def name_of(row: Row) -> str:
    """A verdict's label in a selection."""
    return f"{title_of(row)}: {row['candidate']}, gate {row['gate']}, {moment_of(row['at_time'])}"


def _select(rows: Sequence[Row]) -> str | None:
    """Draw a selection that also works with the keyboard."""
    names = {str(row["verdict_id"]): name_of(row) for row in rows}
    chosen: str | None = st.selectbox(
        "Open a verdict",
        list(names),
        index=None,
        format_func=lambda verdict_id: names[verdict_id],
        placeholder="choose a verdict, or select a row",
    )
    return chosen


def _line(row: Row) -> dict[str, str]:
    return {
        "reads": title_of(row),
        "standing": standing_word(official=row["official"]),
        "candidate": row["candidate"],
        "baseline": row["baseline"],
        "gate": row["gate"],
        "judged": moment_of(row["at_time"]),
        "meaning": meaning_of(row),
    }
