"""Charts of the dashboard: labelled axes with units, one colour for each variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

COLOURS = ("#5b7083", "#0f8b6d", "#b5651d", "#7a5195")
"""The control first: grey is what one has, colour is what is on trial."""


def rates(rows: Sequence[dict[str, Any]], *, title: str) -> alt.LayerChart | alt.FacetChart:
    """A share with its plain interval for each variant; rows have ``variant``, ``rate``, ``low``, ``high``, ``n``."""
    base = alt.Chart({"values": list(rows)}).encode(
        y=alt.Y("variant:N", title=None, sort=None),
        color=alt.Color("variant:N", legend=None, sort=None, scale=alt.Scale(range=list(COLOURS))),
    )
    axis = alt.X("low:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=6))
    tips = ["variant:N", alt.Tooltip("rate:Q", format=".1%"), alt.Tooltip("n:Q", title="ratings")]
    bars = base.mark_rule(strokeWidth=3).encode(x=axis, x2="high:Q", tooltip=tips)
    points = base.mark_point(size=140, filled=True).encode(x=alt.X("rate:Q"), tooltip=tips)
    return alt.layer(bars, points).properties(height=48 * len(rows) + 40)
