"""Lists published configurations, draws the difference of two, and shows which one was in force at a time."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

import streamlit as st
from msgspec import to_builtins

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.components.formatting import DASH, plain, second_of
from dashboard.components.tables import prose, table
from fairtrial.api import plans
from fairtrial.api.plans import FieldDifference, Publication, ServedRoute, ServedThen, ServedVariant

SHORT = 8
EARLIER, LATER = "before", "after"
FILE = "the project file"
ABSENT = "(absent)"
HASH = "plan_hash"
NOUNS = {"deployments": "deployment", "routes": "route", "experiments": "experiment"}
FIELDS = {
    "stage": "stage: percent of units enrolled",
    "control": "control variant",
    "serves": "promoted variant",
    "kept control share": "control kept after the promotion: percent of units",
}
DERIVED = ("salt", "analysis_hash", "digest", "segment")
"""Fields that follow from others are listed last."""
HEX = re.compile(r"[0-9a-f]{24,}")
"""Hashes are shown by their beginning; the files have them whole."""

REFUSALS = (400, 404)


def choose_pair(rows: Sequence[Publication]) -> tuple[Publication, Publication] | None:
    """Draw the choice of two publications, earlier and later; by default the newest and the one before it.

    The URL names each by its number or by the plan's hash. Without an earlier one it is the one before the later one.
    ``None`` if a hash in the URL is not in the list.
    """
    names = {str(row.number): row for row in rows}
    numbers = list(names)
    for name in (EARLIER, LATER):
        given = query_params.get(name)
        if given is None or given in names:
            continue
        number = next((key for key, row in names.items() if row.plan_hash == given), None)
        if number is None:
            return None
        query_params.keep(**{name: number})
    left, right = st.columns(2)
    with right:
        later = query_params.choose("After", numbers, name=LATER, words=lambda key: label_of(names[key])) or numbers[0]
    before = numbers[min(numbers.index(later) + 1, len(numbers) - 1)]
    with left:
        earlier = query_params.choose(
            "Before", numbers, name=EARLIER, words=lambda one: label_of(names[one]), default=before
        )
    return names[earlier or before], names[later]


def label_of(row: Publication) -> str:
    """A publication in a selection."""
    return f"{second_of(row.at_time)} · {row.plan_hash[:SHORT]} · {row.actor or FILE}"


def render_publications(rows: Sequence[Publication]) -> None:
    """Draw the list."""
    shown = [
        {
            "when": second_of(row.at_time),
            "configuration": row.plan_hash[:SHORT],
            "changed by": row.actor or FILE,
        }
        for row in rows
    ]
    table(shown, title="published configurations", raw=to_builtins(rows))


def render_difference(control: Control, earlier: Publication, later: Publication) -> None:
    """Draw the fields in which the two configurations differ."""
    if earlier.number == later.number:
        st.info("Both are the same publication, so there is nothing to compare.", icon=":material/equal:")
        return
    before, after = earlier.plan_hash, later.plan_hash
    who = later.actor or FILE
    st.caption(f"From configuration {before[:SHORT]} to {after[:SHORT]}. The later one was changed by {plain(who)}.")
    fields = control.call(plans.difference, plans.ComparePlans(old=before, new=after))
    rows = [row for row in fields if row.path != HASH]
    if not rows:
        st.info("The two configurations are equal.", icon=":material/equal:")
        return
    rows.sort(key=lambda row: row.path.rpartition(".")[2] in DERIVED)
    prose(
        [line_of(row) for row in rows],
        title=f"configuration {before[:SHORT]} to {after[:SHORT]}",
        raw=to_builtins(fields),
    )


def line_of(row: FieldDifference) -> dict[str, str]:
    """A differing field in words, with its values and whether it was added or removed."""
    old, new = row.old, row.new
    kind = "added" if old is None else "removed" if new is None else "changed"
    place, field = field_words(row.path)
    return {"in": place, "field": field, "change": kind, "before": _shown(old), "after": _shown(new)}


def field_words(path: str) -> tuple[str, str]:
    """``experiments.a-vs-b.variants.a.weight`` as ``experiment a-vs-b`` and ``split: percent of a``."""
    kind, *rest = path.split(".")
    if kind not in NOUNS or not rest:
        return "configuration", path.replace("_", " ")
    name, *inner = rest
    head = f"{NOUNS[kind]} {name}"
    if not inner:
        return head, "whole"
    if len(inner) == 3 and inner[0] == "variants" and inner[2] == "weight":
        return head, f"split: percent of {inner[1]}"
    words = " ".join(inner).replace("_", " ")
    return head, FIELDS.get(words, words)


def _shown(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{text[:SHORT]}…" if HEX.fullmatch(text) else text


def render_served(control: Control) -> None:
    """Draw the choice of a time, in UTC, and the answer; without a choice it is now."""
    left, right = st.columns(2)
    with left:
        day = query_params.choose_date("Date (UTC)", name="date")
    with right:
        hour = query_params.choose_time("Time (UTC)", name="time")
    at = datetime.combine(day, hour or time(), UTC) if day else datetime.now(UTC)
    try:
        plan = control.call(plans.at_time, plans.PlanAt(at=at.isoformat()))
    except Refused as error:
        if error.status not in REFUSALS:
            raise
        st.warning(plain(str(error)), icon=":material/event_busy:")
        return
    st.markdown(_in_force(plan, at, chosen=day is not None))
    prose(
        [served_line_of(row) for row in plan.routes],
        title=f"served at {at:%Y-%m-%d %H:%M} UTC",
        raw=to_builtins(plan.routes),
    )
    st.caption("Shares are of the units of a route. A fallback that answers for a failed variant is not counted.")


def served_line_of(row: ServedRoute) -> dict[str, str]:
    """A route with what it served, and the state of its experiment."""
    about = row.experiment
    return {
        "route": row.route,
        "served": ", ".join(map(_served, row.serves)),
        "experiment": DASH if about is None else f"{about.name}, {about.state}",
        "stage": DASH if about is None or about.state != "running" else f"{about.stage:g} %",
        "split": DASH if about is None else ", ".join(f"{name} {share:g}" for name, share in about.split.items()),
        "control": DASH if about is None else about.control,
        "fallback": row.fallback or DASH,
    }


def _served(row: ServedVariant) -> str:
    variant = f"{row.variant}: " if row.variant and row.variant != row.deployment else ""
    overrides = ", with overrides" if row.overrides else ""
    return f"{row.percent:.4g} % {variant}{row.deployment} ({row.model}{overrides})"


def _in_force(plan: ServedThen, at: datetime, *, chosen: bool) -> str:
    when = f"At {at:%d %b %Y, %H:%M} UTC" if chosen else "Now"
    until = f"until {second_of(plan.until)}" if plan.until else "until now"
    span = f"from {second_of(plan.since)} {until}"
    by = plain(plan.actor or FILE)
    return f"{when}: configuration **{plan.plan_hash[:SHORT]}**, in force {span}, changed by {by}."
