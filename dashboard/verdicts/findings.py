"""The findings of a verdict, and the intervals behind them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import streamlit as st

from dashboard.client import Row
from dashboard.components import charts
from dashboard.components.formatting import plain
from dashboard.components.tables import draw_signals, prose
from dashboard.verdicts.wording import SHAPES, WORST_FIRST, result_of
from fairtrial.domain.verdicts.verdict_wording import is_unasked, unasked_lines
from fairtrial.domain.wording import counted

TITLES = {
    ("difference", "points"): "difference from the baseline, in points",
    ("difference", "ms"): "difference from the baseline, in ms",
    ("difference", "$"): "difference from the baseline, in US dollars",
    ("difference", ""): "difference from the baseline",
    ("level", "%"): "the candidate's level, in %",
    ("level", "ms"): "the candidate's level, in ms",
    ("level", "$"): "the candidate's level, in US dollars",
    ("level", ""): "the candidate's level",
}
LONGEST = 60
NO_BREAK = "\N{NO-BREAK SPACE}"
ENDS = {("level", "%"): (0, 100)}


def draw_findings(verdict: Row) -> None:
    """Draw what speaks against the candidate, then every finding."""
    findings: Sequence[Row] = verdict["findings"]
    st.subheader("Findings")
    against = [one for one in findings if one["decisive"] and one["result"] != "pass"]
    for one in sorted(against, key=lambda each: WORST_FIRST.index(each["result"])):
        with st.container(border=True):
            st.markdown(f"**{result_of(one)}** · {plain(one['says'])}")
            if one["needed"]:
                st.caption("What is needed:")
                st.code(one["needed"], language=None, wrap_lines=True)
    if not against:
        st.success(f"All rules pass ({counted(len([one for one in findings if one['decisive']]), 'rule')}).")
    raw = [_line(one) | {"in": one["scope"], "needed": one["needed"]} for one in findings]
    prose([_line(one) for one in findings if not is_unasked(one)], title=f"findings {verdict['verdict_id']}", raw=raw)

    draw_signals(unasked_lines(findings))


def _line(finding: Row) -> dict[str, str]:
    return {
        "result": result_of(finding).replace(" ", NO_BREAK),
        "rule": finding["rule"],
        "source": finding["source"],
        "finding": finding["says"],
    }


def draw_figures(findings: Sequence[Row], figures: Sequence[Row]) -> None:
    """Draw the intervals and limits of the findings that have them."""
    if not figures:
        return
    st.subheader("Figures")
    st.caption(
        "Each line is an interval: one-sided 95 % bounds of a difference, or a 95 % interval of a level. The point is "
        "the estimate, the orange bar the limit of the rule. A rule on a difference passes if the whole line is on the "
        "good side of the bar; a rule on a level passes if the point is."
    )
    ordered = sorted(figures, key=lambda one: (one["kind"], one["unit"]))
    for (kind, unit), group in groupby(ordered, key=lambda one: (one["kind"], one["unit"])):
        rows = [_drawn(one, findings[one["finding"]]) for one in group]
        title = TITLES.get((kind, unit), kind)
        chart = charts.intervals(
            rows, title=title, zero=kind == "difference", answers=SHAPES, within=ENDS.get((kind, unit))
        )
        st.altair_chart(chart, width="stretch", alt=f"Intervals and limits: {title}")


def _drawn(figure: Row, finding: Row) -> dict[str, Any]:
    name = f"{finding['metric']} in {finding['scope']}" if finding["scope"] else finding["metric"]
    name = f"{name} ({finding['source']})"
    numbers = {one: figure[one] for one in ("value", "low", "high", "limit", "n")}
    return {"name": name if len(name) <= LONGEST else name[: LONGEST - 1] + "…", "answer": _answer(finding)} | numbers


def _answer(finding: Row) -> str:
    return str(finding["result"]) if finding["decisive"] else "shown"
