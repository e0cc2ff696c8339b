"""Draws the comparison of two runs: metrics with intervals, then cases side by side with marked differences."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from msgspec import to_builtins
from msgspec.structs import replace

from dashboard.client import Control, Refused, cached_call
from dashboard.components import case_panes, charts, query_params
from dashboard.components.formatting import DASH, change, count, figure, moment, plain
from dashboard.components.tables import draw_signals, table
from dashboard.runs.list import caption_of, help_of
from fairtrial.api import runs
from fairtrial.api.comparison_answers import MeasureForm, RunsCompared
from fairtrial.api.operation import Operation, Q, R
from fairtrial.api.run_answers import CasePair, RunFigures
from fairtrial.domain.estimates import Comparison, NotEnough
from fairtrial.domain.run import StoredRun
from fairtrial.domain.verdicts.verdict_wording import block_lines
from fairtrial.domain.wording import CHANGES, IN_POINTS

SHAPES = {"better": "circle", "not worse": "square", "worse": "triangle-down", "cannot tell": "diamond"}
ENDS = ("value", "low", "high")
NO_SIGNAL = "no signal"
BAD_REQUEST = 400
RIGHT = {
    name: st.column_config.TextColumn(alignment="right") for name in ("n", "baseline", "candidate", "difference", "p")
}


def draw_comparison(control: Control, candidate: str, baseline: str) -> None:
    """Draw the comparison, or say why the runs can't be compared."""
    new, old = (control.call(runs.figures, runs.NameRun(run_id=run_id)) for run_id in (candidate, baseline))
    _head(new.run, old.run)
    by = choose_slices(control, candidate)
    request = runs.CompareRuns(candidate_run=candidate, baseline_run=baseline, by=by)
    comparison = compared(control, runs.compare, request, new.run.suite)
    if comparison is None:
        return
    _comparison(comparison, new.run, old.run)
    st.subheader("Case by case")
    _cases(control, new, old)


def _head(new: StoredRun, old: StoredRun) -> None:
    with st.container(horizontal=True):
        st.button("All runs", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
        st.button(
            "Swap the runs",
            icon=":material/swap_horiz:",
            type="tertiary",
            on_click=_go,
            args=(old.run_id, new.run_id),
        )
        st.button("Show only the candidate's run", type="tertiary", on_click=_go, args=(new.run_id, None))
    st.title(plain(f"{new.suite}: {new.target} against {old.target}"))
    for role, run in (("Candidate", new), ("Baseline", old)):
        caption = f"{role} {plain(run.target)}: {caption_of(run)}, {moment(run.at_us)}"
        st.caption(caption, help=help_of(run))


def _go(run_id: str, against: str | None) -> None:
    query_params.go(run=run_id, against=against)


def choose_slices(control: Control, run_id: str) -> tuple[str, ...]:
    """Draw the choice of a tag whose slices are compared too."""
    tags = sorted({row.tag for row in cached_call(control, runs.slices, runs.NameRun(run_id=run_id))})
    by = query_params.choose("Also in each slice of", tags, name="by", placeholder="none") if tags else None
    return (by,) if by else ()


def compared(control: Control, operation: Operation[Q, R], request: Q, suite: str) -> R | None:
    """The comparison, or ``None`` after drawing why the runs can't be compared."""
    try:
        with st.spinner("Comparing case by case…", show_time=False):
            return cached_call(control, operation, request)
    except Refused as error:
        if error.status != BAD_REQUEST:
            raise
        st.error(plain(str(error)), icon=":material/difference:")
        st.caption("Only runs of the same version of a suite can be compared. Run the suite again on both targets:")
        st.code(f"fairtrial eval {suite} --on TARGET,TARGET", language=None)
        return None


def _comparison(comparison: RunsCompared, new: StoredRun, old: StoredRun) -> None:
    shown = comparison.shown
    title = f"{new.suite} {new.target} against {old.target}"
    table(
        [_line(row, shown) for row in comparison.rows],
        title=title,
        raw=[_raw(row) for row in comparison.rows],
        columns=RIGHT,
    )
    st.caption(" ".join([IN_POINTS, *_rules(comparison)]))
    draw_signals(block_lines(comparison.signals))
    drawn = [
        _interval(row, bounds)
        for row in comparison.rows
        if (bounds := row.difference.bounds) is not None and _in_points(row, shown)
    ]
    if drawn:
        st.altair_chart(
            charts.intervals(drawn, title="difference in points, with 95 % intervals", zero=True, answers=SHAPES),
            width="stretch",
            alt="Difference of each share in points, with its interval",
        )


def _line(row: Comparison, shown: Mapping[str, MeasureForm]) -> dict[str, Any]:
    form, scale = _form(row, shown)
    gap, reason = row.difference.bounds, row.difference.reason if isinstance(row.difference, NotEnough) else ""
    low, high = (change(bound, form=form, scale=scale) for bound in (gap[1:] if gap else (None, None)))
    return {
        "metric": row.metric,
        "in": row.scope,
        "n": count(row.n),
        "baseline": figure(row.baseline, form=form, scale=scale),
        "candidate": figure(row.candidate, form=form, scale=scale),
        "difference": change(gap[0], form=form, scale=scale) if gap else DASH,
        "95 % interval": f"{low} to {high}" if gap else f"not enough: {reason}",
        "p": "" if row.p is None else "< 0.001" if row.p < 0.001 else f"{row.p:.3f}",
        "answer": row.answer,
        "rule": _short_rule(row.rule),
    }


def _short_rule(rule: str) -> str:
    """The column beside the answer; the caption has the words."""
    if rule.startswith(NO_SIGNAL):
        return NO_SIGNAL
    return "" if not rule else "interval and p" if " and " in rule else "interval"


def _rules(comparison: RunsCompared) -> list[str]:
    """A sentence for each rule of the answers."""
    rules = dict.fromkeys(row.rule for row in comparison.rows if row.rule)
    return [
        f"{rule[0].upper()}{rule[1:]}."
        if rule.startswith(NO_SIGNAL)
        else f"*{_short_rule(rule)}*: better or worse if the {rule}; otherwise cannot tell."
        for rule in rules
    ]


def _raw(row: Comparison) -> dict[str, Any]:
    plain_row: dict[str, Any] = to_builtins(row)
    difference = plain_row.pop("difference")
    return plain_row | {f"difference {name}": value for name, value in difference.items()}


def _in_points(row: Comparison, shown: Mapping[str, MeasureForm]) -> bool:
    """Shares; in slices, only scores."""
    return ("." in row.metric or not row.scope) and _form(row, shown)[0] == "share"


def _interval(row: Comparison, bounds: tuple[float, float, float]) -> dict[str, Any]:
    factor = 100.0 if max(abs(row.candidate or 0), abs(row.baseline or 0)) <= 1 else 1.0
    name = f"{row.metric} in {row.scope}" if row.scope else row.metric
    numbers = {end: bound * factor for end, bound in zip(ENDS, bounds, strict=True)}
    return {"name": name, "answer": row.answer, "n": row.n, "limit": None, **numbers}


def _form(row: Comparison, shown: Mapping[str, MeasureForm]) -> tuple[str, float]:
    form = shown.get(row.metric)
    return ("number", 1.0) if form is None else (form.form, form.scale)


def _cases(control: Control, new: RunFigures, old: RunFigures) -> None:
    metrics = [name for name in new.metrics if name in old.metrics]
    if not metrics:
        st.info("The runs have no common metric of their cases.")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        metric = query_params.choose("Metric", metrics, name="metric") or metrics[0]
    with right:
        mark = st.toggle("Mark differences", value=True)
    every = runs.PairsOf(candidate_run=new.run.run_id, baseline_run=old.run.run_id, metric=metric, limit=1)
    ids = (every.candidate_run, every.baseline_run)
    case = query_params.get("case")
    counts = cached_call(control, runs.pairs, every).counts
    chosen = query_params.choose_kind(counts, CHANGES, name="change") if case is None else None
    if case is not None:
        st.button("All cases", icon=":material/filter_alt_off:", on_click=_go, args=ids)
    limit, offset = query_params.page_place("pairs", (*ids, metric, chosen, case))
    request = replace(every, change=chosen, case=case, limit=limit, offset=offset)
    pairs = cached_call(control, runs.pairs, request)
    _show(pairs.rows, new.run, old.run, mark=mark)
    if case is None:
        query_params.draw_pages("pairs", counts[chosen] if chosen else sum(counts.values()))


def _show(rows: Sequence[CasePair], new: StoredRun, old: StoredRun, *, mark: bool) -> None:
    if not rows:
        st.info("No case in both runs matches.")
        return
    if mark:
        st.caption("Struck through: only in the baseline. Bold and underlined: only in the candidate.")
    link = {"run": new.run_id, "against": old.run_id}
    titles = (f"{new.target} (candidate)", f"{old.target} (baseline)")
    case_panes.show([case_panes.two_sided(row, titles, link=link, mark=mark) for row in rows], key="pairs")
