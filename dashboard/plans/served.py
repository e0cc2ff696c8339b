"""Answers which plan was in force at a time, and what each route served then."""

from __future__ import annotations

from datetime import UTC, datetime, time

import streamlit as st

from dashboard.client import Control, Refused, Row
from dashboard.components import query_params
from dashboard.components.formatting import DASH, plain, second_of
from dashboard.components.tables import prose
from dashboard.plans.publications import FILE, SHORT
from fairtrial.api import plans

REFUSALS = (400, 404)


def render_served(control: Control) -> None:
    """Draw the choice of a time, in UTC, and the answer; without a choice it is now."""
    left, right = st.columns(2)
    with left:
        day = query_params.choose_date("Date (UTC)", name="date")
    with right:
        hour = query_params.choose_time("Time (UTC)", name="time")
    at = datetime.combine(day, hour or time(), UTC) if day else datetime.now(UTC)
    try:
        found = control.call(plans.at_time, plans.PlanAt(at=at.isoformat()))
    except Refused as error:
        if error.status not in REFUSALS:
            raise
        st.warning(plain(str(error)), icon=":material/event_busy:")
        return
    st.markdown(_in_force(found, at, chosen=day is not None))
    prose([line_of(row) for row in found["routes"]], title=f"served at {at:%Y-%m-%d %H:%M} UTC", raw=found["routes"])
    st.caption("Shares are of the units of a route. A fallback that answers for a failed variant is not counted.")


def line_of(row: Row) -> dict[str, str]:
    """A route with what it served, and the state of its experiment."""
    about = row["experiment"]
    return {
        "route": row["route"],
        "served": ", ".join(_served(one) for one in row["serves"]),
        "experiment": DASH if about is None else f"{about['name']}, {about['state']}",
        "stage": DASH if about is None or about["state"] != "running" else f"{about['stage']:g} %",
        "split": DASH if about is None else ", ".join(f"{name} {share:g}" for name, share in about["split"].items()),
        "control": DASH if about is None else about["control"],
        "fallback": row["fallback"] or DASH,
    }


def _served(one: Row) -> str:
    variant = f"{one['variant']}: " if one["variant"] and one["variant"] != one["deployment"] else ""
    overrides = ", with overrides" if one["overrides"] else ""
    return f"{one['percent']:.4g} % {variant}{one['deployment']} ({one['model']}{overrides})"


def _in_force(found: Row, at: datetime, *, chosen: bool) -> str:
    when = f"At {at:%d %b %Y, %H:%M} UTC" if chosen else "Now"
    until = f"until {second_of(found['until'])}" if found["until"] else "until now"
    span = f"from {second_of(found['since'])} {until}"
    by = plain(found["actor"] or FILE)
    return f"{when}: plan **{found['plan_hash'][:SHORT]}**, in force {span}, changed by {by}."
