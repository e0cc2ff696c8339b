"""All verdicts, newest first: filtered by gate and candidate, one opened at a time."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components import query_params
from dashboard.components.filters import filtered
from dashboard.components.formatting import moment_of
from dashboard.components.tables import offer
from dashboard.verdicts.wording import DECISIONS

MOST = 500
COMMAND = "fairtrial gate GATE.gate.yaml --candidate tuned --baseline base --run"


def draw(control: Control) -> None:
    """Draw the list."""
    st.title("Gate")
    found = control.rows("/api/verdicts", limit=MOST)
    if not found:
        st.info("No verdict yet. A gate runs its suites on both models, and judges:", icon=":material/gavel:")
        st.code(COMMAND, language=None)
        return
    rows = filtered(found, "gate", "candidate")
    picked = st.dataframe(
        [_line(row) for row in rows],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key="verdicts-picked",
    )
    chosen = [rows[at]["verdict_id"] for at in picked["selection"]["rows"] if at < len(rows)] or [_typed(rows)]
    if chosen[0] is not None:
        query_params.go(verdict=chosen[0])
        st.rerun()
    offer(rows, title="verdicts")


def name_of(row: Row) -> str:
    """How a verdict is called in a choice."""
    return f"{row['decision']}: {row['candidate']} by {row['gate']}, {moment_of(row['at_time'])}"


def _typed(rows: Sequence[Row]) -> str | None:
    """The choice that needs no mouse."""
    names = {str(row["verdict_id"]): name_of(row) for row in rows}
    chosen: str | None = st.selectbox(
        "Open a verdict",
        list(names),
        index=None,
        format_func=lambda verdict_id: names[verdict_id],
        placeholder="choose, or pick a row",
    )
    return chosen


def _line(row: Row) -> dict[str, str]:
    return {
        "decision": row["decision"],
        "candidate": row["candidate"],
        "baseline": row["baseline"],
        "gate": row["gate"],
        "given": moment_of(row["at_time"]),
        "which means": DECISIONS[row["decision"]][2],
    }
