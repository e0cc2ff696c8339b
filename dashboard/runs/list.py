"""All runs, newest first: filtered by suite and target, opened alone or two of one suite side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components import query_params
from dashboard.components.filters import filtered
from dashboard.components.formatting import count, moment_of
from dashboard.components.tables import offer

MOST = 500
COMMAND = "fairtrial eval suites/SUITE.yaml --on tuned,base"


def draw(control: Control) -> None:
    """Draw the list."""
    st.title("Runs")
    found = control.rows("/api/runs", limit=MOST)
    if not found:
        st.info("No run yet: run a suite on a model and on its base.", icon=":material/playlist_add:")
        st.code(COMMAND, language=None)
        return
    rows = filtered(found, "suite", "target")
    if not rows:
        st.info("No run of this suite on this target: choose another, or run it.")
        st.code(COMMAND, language=None)
    else:
        _table(rows)


def name_of(row: Row) -> str:
    """How a run is called in a choice."""
    return f"{row['suite']} on {row['target']}, {moment_of(row['at_time'])}"


def _table(rows: Sequence[Row]) -> None:
    picked = st.dataframe(
        [_line(row) for row in rows],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="multi-row",
        key="runs-picked",
        column_config={"cases": st.column_config.TextColumn(alignment="right")},
    )
    _open([rows[at] for at in picked["selection"]["rows"] if at < len(rows)], rows)
    offer([_raw(row) for row in rows], title="runs")


def _open(picked: Sequence[Row], rows: Sequence[Row]) -> None:
    """Buttons for the rows that are picked, and a choice that needs no mouse."""
    if len(picked) == 1:
        st.button(f"Open the run of {picked[0]['target']}", type="primary", on_click=_one, args=(picked[0]["run_id"],))
    elif len(picked) == 2 and picked[0]["suite"] == picked[1]["suite"]:
        new, old = picked
        st.button("Compare the two", type="primary", on_click=_two, args=(new["run_id"], old["run_id"]))
    elif len(picked) >= 2:
        st.caption("Pick one run to open it, or two runs of one suite to compare them.")
    else:
        names = {str(row["run_id"]): name_of(row) for row in rows}
        chosen = st.selectbox(
            "Open a run",
            list(names),
            index=None,
            format_func=lambda run_id: names[run_id],
            placeholder="choose, or pick a row",
        )
        if chosen is not None:
            _one(chosen)
            st.rerun()


def _one(run_id: str) -> None:
    query_params.go(run=run_id)


def _two(run_id: str, against: str) -> None:
    query_params.go(run=run_id, against=against)


def _line(row: Row) -> dict[str, Any]:
    counts, metrics = _parsed(row["counts"]), _parsed(row["metrics"])
    main = next(((name, value) for name, value in metrics.items() if value is not None), None)
    return {
        "suite": row["suite"],
        "target": row["target"],
        "begun": moment_of(row["at_time"]),
        "cases": count(sum(counts.values())),
        "first figure": f"{main[0]} {main[1]:.3g}" if main else "–",
        "state": row["status"],
    }


def _raw(row: Row) -> dict[str, Any]:
    flat = {name: value for name, value in row.items() if name not in ("counts", "metrics", "versions")}
    return {**flat, **_parsed(row["counts"]), **_parsed(row["metrics"])}


def _parsed(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value or {}
    return found
