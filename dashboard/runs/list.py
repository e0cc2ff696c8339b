"""Lists runs, newest first, with filters, and describes what answered in a run and how long ago."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

import streamlit as st
from msgspec import to_builtins

from dashboard.client import Control
from dashboard.components import query_params
from dashboard.components.formatting import count, moment_of, plain
from dashboard.components.query_params import filtered, selected_of
from dashboard.components.tables import offer, suggest_command
from fairtrial.api import runs
from fairtrial.api.run_answers import RunRow
from fairtrial.domain.run import StoredRun
from fairtrial.domain.wording import age

SHOWN = 12
"""The characters of a fingerprint that are shown where space is short."""
NO_MODEL = "model not recorded"
NO_FINGERPRINT = "no fingerprint"
MOST = 500
COMMAND = "fairtrial eval suites/SUITE.yaml --on tuned,base"


class Answered(Protocol):
    """What says which model and which weights answered."""

    @property
    def model(self) -> str | None: ...

    @property
    def fingerprint(self) -> str | None: ...


def now_us() -> int:
    """The present as microseconds since 1970."""
    return time.time_ns() // 1000


def model_of(run: Answered) -> str:
    """The provider and model that the deployment declared; runs of older releases have none."""
    return run.model or NO_MODEL


def fingerprint_of(run: Answered) -> str:
    """The first characters of each fingerprint that answered."""
    return " + ".join(part[:SHOWN] for part in run.fingerprint.split("+")) if run.fingerprint else NO_FINGERPRINT


def caption_of(run: StoredRun) -> str:
    """Model string, fingerprint and age of a run in Markdown."""
    return f"{plain(model_of(run))} · {plain(fingerprint_of(run))} · {age(run.at_us, now_us())}"


def help_of(run: StoredRun) -> str:
    """What a hover shows: the complete fingerprint in Markdown."""
    if not run.fingerprint:
        return "The server sends no system\\_fingerprint, so the weights that answered are unknown."
    return f"Fingerprint of the weights that answered: {plain(run.fingerprint)}"


def draw_run_list(control: Control) -> None:
    """Draw the list."""
    st.title("Runs")
    all_rows = control.call(runs.listing, runs.ListRuns(limit=MOST))
    if not all_rows:
        suggest_command("No runs yet. Run a suite on a model and on its base:", COMMAND, icon=":material/playlist_add:")
        return
    rows = filtered(all_rows, "suite", "target")
    if not rows:
        suggest_command("No run matches. Change the filters, or run the suite on the target:", COMMAND)
    else:
        _table(rows)


def name_of(row: RunRow) -> str:
    """A run's label in a selection."""
    return f"{row.suite} on {row.target}, {moment_of(row.at_time)}"


def _table(rows: Sequence[RunRow]) -> None:
    selected = st.dataframe(
        [_line(row) for row in rows],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="multi-row",
        key="runs-selected",
        column_config={"cases": st.column_config.TextColumn(alignment="right")},
    )
    _open(selected_of(selected, rows), rows)
    offer([_raw(row) for row in rows], title="runs")


def _open(selected: Sequence[RunRow], rows: Sequence[RunRow]) -> None:
    """Draw buttons for the selected rows, or a selection that also works with the keyboard."""
    if len(selected) == 1:
        row = selected[0]
        st.button(f"Open the run of {row.target}", type="primary", on_click=_one, args=(row.run_id,))
    elif len(selected) >= 2 and len({row.suite for row in selected}) == 1:
        _compare(selected)
    elif len(selected) >= 2:
        st.caption("Select one run to open it, or several runs of the same suite to compare them.")
    else:
        names = {str(row.run_id): name_of(row) for row in rows}
        chosen = query_params.pick("Open a run", names, placeholder="choose a run, or select a row")
        if chosen is not None:
            _one(chosen)
            st.rerun()


def _compare(selected: Sequence[RunRow]) -> None:
    """Draw the button that compares the runs; of more than two, the baseline is chosen, by default the oldest."""
    if len(selected) == 2:
        new, old = selected
        st.button("Compare the two runs", type="primary", on_click=_several, args=([new.run_id], old.run_id))
        return
    names = {str(row.run_id): name_of(row) for row in selected}
    baseline = st.selectbox("Baseline", list(names), index=len(names) - 1, format_func=lambda run_id: names[run_id])
    others = [run_id for run_id in names if run_id != baseline]
    if len(others) > runs.MOST_CANDIDATES:
        st.caption(f"At most {runs.MOST_CANDIDATES} runs can be compared with a baseline.")
    else:
        st.button(f"Compare the {len(names)} runs", type="primary", on_click=_several, args=(others, baseline))


def _one(run_id: str) -> None:
    query_params.go(run=run_id)


def _several(run_ids: Sequence[str], against: str) -> None:
    query_params.go(run=run_ids, against=against)


def _line(row: RunRow) -> dict[str, Any]:
    counts, metrics = row.outcomes(), row.levels()
    main = next(((name, value) for name, value in metrics.items() if value is not None), None)
    return {
        "suite": row.suite,
        "target": row.target,
        "model": model_of(row),
        "fingerprint": fingerprint_of(row),
        "age": age(int(row.at_time.timestamp() * 1e6), now_us()),
        "started": moment_of(row.at_time),
        "cases": count(sum(counts.values())),
        "first metric": f"{main[0]} {main[1]:.3g}" if main else "–",
        "state": row.status,
    }


def _raw(row: RunRow) -> dict[str, Any]:
    flat = {name: value for name, value in to_builtins(row).items() if name not in ("counts", "metrics", "versions")}
    return {**flat, **row.outcomes(), **row.levels()}
