"""Draws the entries of the audit trail: a sentence, the reason, a link to what it concerns, and the raw entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from dashboard.audit.sentences import actor_of, details_of, reason_of, sentence_of
from dashboard.client import Row
from dashboard.components.formatting import plain, second_of
from dashboard.components.query_params import link
from dashboard.plans.publications import LATER


def render_entries(rows: Sequence[Row], publications: Sequence[Row]) -> None:
    """Draw one entry below the other. ``publications``: of plans, which say who changed an experiment."""
    for row in rows:
        with st.container(border=True):
            _entry(row, publications)


def _entry(row: Row, publications: Sequence[Row]) -> None:
    reason = reason_of(row) or _cause(row, publications)
    why = f"  \nWhy: {plain(reason)}" if reason else ""
    st.markdown(f"**{plain(sentence_of(row))}**{why}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{second_of(row['at_time'])} · entry {row['number']}")
        _link(row, publications)
        with st.popover("Raw entry", type="tertiary"):
            st.json({**row, "details": details_of(row)}, expanded=True)


def _cause(row: Row, publications: Sequence[Row]) -> str | None:
    """What made control publish a plan."""
    found = _publication(row, publications)
    if found is None:
        return None
    if found["actor"] is None:
        return "The project file changed"
    return f"{actor_of(found['actor'])} changed the state of an experiment"


def _publication(row: Row, publications: Sequence[Row]) -> Row | None:
    """The publication that an entry records; a plan that came back has several."""
    if row["action"] != "plan.publish":
        return None
    same = [one for one in publications if one["plan_hash"] == row["subject"]]
    return min(same, key=lambda one: abs((_time(one) - _time(row)).total_seconds()), default=None)


def _time(row: Row) -> datetime:
    return datetime.fromisoformat(row["at_time"])


def _link(row: Row, publications: Sequence[Row]) -> None:
    """A link to the page of what the entry concerns."""
    group, subject = str(row["action"]).partition(".")[0], str(row["subject"])
    published = _publication(row, publications)
    if published is not None:
        link("What changed", "plan-history", icon=":material/difference:", **{LATER: str(published["number"])})
        return
    pages: Mapping[str, tuple[str, str, dict[str, str]]] = {
        "analysis": ("The experiment", "experiment", {"experiment": subject}),
        "look": ("The experiment", "experiment", {"experiment": subject}),
        "experiment": ("The experiment", "experiment", {"experiment": subject}),
        "verdict": ("The verdict", "gate", {"verdict": subject}),
    }
    if group in pages:
        label, page, query = pages[group]
        link(label, page, icon=":material/open_in_new:", **query)
