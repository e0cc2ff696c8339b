"""Lists the publications of plans, and lets the visitor choose two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.client import Row
from dashboard.components import query_params
from dashboard.components.formatting import second_of
from dashboard.components.tables import table

SHORT = 8
EARLIER, LATER = "before", "after"
FILE = "the project file"


def choose_pair(rows: Sequence[Row]) -> tuple[Row, Row] | None:
    """Draw the choice of two publications, earlier and later; by default the newest and the one before it.

    The URL names each by its number or by the plan's hash. Without an earlier one it is the one before the later one.
    ``None`` if a hash in the URL is not in the list.
    """
    names = {str(row["number"]): row for row in rows}
    numbers = list(names)
    for name in (EARLIER, LATER):
        given = query_params.get(name)
        if given is None or given in names:
            continue
        number = next((one for one, row in names.items() if row["plan_hash"] == given), None)
        if number is None:
            return None
        query_params.keep(**{name: number})
    left, right = st.columns(2)
    with right:
        later = query_params.choose("After", numbers, name=LATER, words=lambda one: label_of(names[one])) or numbers[0]
    before = numbers[min(numbers.index(later) + 1, len(numbers) - 1)]
    with left:
        earlier = query_params.choose(
            "Before", numbers, name=EARLIER, words=lambda one: label_of(names[one]), default=before
        )
    return names[earlier or before], names[later]


def label_of(row: Mapping[str, object]) -> str:
    """A publication in a selection."""
    return f"{second_of(str(row['at_time']))} · {str(row['plan_hash'])[:SHORT]} · {row['actor'] or FILE}"


def render_publications(rows: Sequence[Row]) -> None:
    """Draw the list."""
    shown = [
        {"when": second_of(row["at_time"]), "plan": row["plan_hash"][:SHORT], "changed by": row["actor"] or FILE}
        for row in rows
    ]
    table(shown, title="publications of plans", raw=rows)
