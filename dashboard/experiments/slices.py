"""Shows who gets worse: the effect on each metric by the tags of units' first requests."""

import msgspec
import streamlit as st

from dashboard.components.formatting import count, plain
from dashboard.components.tables import prose
from fairtrial.api.experiment_answers import ShownSlice, Slices
from fairtrial.domain.promises import MIN_SLICE_UNITS, SLICE_ALPHA

CAPTION = (
    f"A unit counts by the tags of its first request. Values with {MIN_SLICE_UNITS} units of each arm are tested for "
    f"a decline at a false discovery rate of {100 * SLICE_ALPHA:g} % (e-BH), at any look. They decide nothing."
)


def render_slices(slices: Slices | None) -> None:
    """Draw a sentence and the table of slices, worse ones first, if units have tags."""
    if slices is None:
        return
    st.subheader("Who gets worse?")
    st.markdown(plain(slices.sentence))
    rows = sorted(slices.rows, key=lambda row: not row.finding.worse)
    if rows:
        raw = [msgspec.to_builtins(row.finding) for row in rows]
        prose([_cells(row) for row in rows], title="slices by tag", raw=raw)
    st.caption(CAPTION)


def _cells(row: ShownSlice) -> dict[str, str]:
    finding = row.finding
    return {
        "slice": f"▼ {row.name}, worse" if finding.worse else row.name,
        "metric": finding.metric,
        "variant": finding.treatment.variant,
        "levels": row.levels,
        "effect": row.effect,
        "units": f"{count(finding.treatment.units)} / {count(finding.control.units)}",
    }
