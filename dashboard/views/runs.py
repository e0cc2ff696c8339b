"""Draws the runs page by its URL: the list, one run, the comparison of two, or several runs beside a baseline."""

from collections.abc import Iterator, Sequence
from typing import Any

import streamlit as st

from dashboard.client import Control
from dashboard.components import charts, query_params
from dashboard.components.formatting import DASH, change, count, dollars, figure, milliseconds, plain
from dashboard.components.tables import draw_signals, table
from dashboard.runs.compare import ENDS, SHAPES, choose_slices, compared, draw_comparison
from dashboard.runs.detail import draw_run
from dashboard.runs.list import draw_run_list, fingerprint_of, model_of
from dashboard.view import View
from fairtrial.api import runs
from fairtrial.api.comparison_answers import MatrixChanges, MatrixColumn, MatrixRow
from fairtrial.domain.verdicts.verdict_wording import block_lines
from fairtrial.domain.wording import IN_POINTS, UNADJUSTED, noise_floor_in_words


def draw_matrix(control: Control, candidates: Sequence[str], baseline: str) -> None:
    """Draw the matrix, or say why the runs can't be compared."""
    suite = control.call(runs.figures, runs.NameRun(run_id=baseline)).run.suite
    st.button("All runs", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
    st.title(plain(f"{suite}: {len(candidates)} runs against one"))
    request = runs.CompareMany(
        baseline_run=baseline, candidate_runs=tuple(candidates), by=choose_slices(control, baseline)
    )
    matrix = compared(control, runs.matrix, request, suite)
    if matrix is None:
        return
    names = _names(matrix.columns)
    st.caption(f"Baseline: {plain(names[0])}. {IN_POINTS} {UNADJUSTED}")
    table(
        [_line(row, names) for row in matrix.rows],
        title=f"{suite} against {names[0]}",
        raw=[raw for row in matrix.rows for raw in _raw(row, names)],
    )
    for asked in matrix.models:
        (st.error if asked.wrong else st.caption)(plain(f"{asked.words}."))
    if matrix.noise is not None:
        noise = matrix.noise
        st.info(plain(noise_floor_in_words(noise.changed, noise.n, noise.metric)))
    _chart(matrix.rows, names)
    st.subheader("What the answers took")
    table([_taken(column, name) for column, name in zip(matrix.columns, names, strict=True)], title=f"runs of {suite}")
    st.subheader("What changed")
    for column, name, changes in zip(matrix.columns[1:], names[1:], matrix.changes, strict=True):
        _changes(changes, name, column.run_id, baseline)


def _names(columns: Sequence[MatrixColumn]) -> list[str]:
    """The target of each run; runs of one target also have the beginning of their ids."""
    targets = [column.target for column in columns]
    return [
        f"{target} ({column.run_id})" if targets.count(target) > 1 else target
        for target, column in zip(targets, columns, strict=True)
    ]


def _line(row: MatrixRow, names: Sequence[str]) -> dict[str, Any]:
    form, scale = row.form, row.scale
    line = {"metric": row.metric, "in": row.scope, names[0]: figure(row.levels[0].value, form=form, scale=scale)}
    for name, level, comparison in zip(names[1:], row.levels[1:], row.comparisons, strict=True):
        bounds = comparison and comparison.difference.bounds
        more = f" ({change(bounds[0], form=form, scale=scale)}, {comparison.answer})" if comparison and bounds else ""
        line[name] = figure(level.value, form=form, scale=scale) + more
    return line


def _raw(row: MatrixRow, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A line for each candidate, with numbers."""
    common = {"metric": row.metric, "in": row.scope, "baseline": row.levels[0].value}
    for name, level, comparison in zip(names[1:], row.levels[1:], row.comparisons, strict=True):
        bounds = (comparison and comparison.difference.bounds) or (None, None, None)
        gap = {f"difference {end}": bound for end, bound in zip(ENDS, bounds, strict=True)}
        n, won, lost = (comparison.n, comparison.won, comparison.lost) if comparison else (None, None, None)
        rest = {"answer": comparison and comparison.answer, "p": comparison and comparison.p}
        yield {**common, "run": name, "level": level.value, **gap, **rest, "n": n, "won": won, "lost": lost}


def _chart(rows: Sequence[MatrixRow], names: Sequence[str]) -> None:
    """The differences of the suite's shares over all cases."""
    drawn = [
        {"name": f"{name}: {row.metric}", "answer": comparison.answer, "n": comparison.n, "limit": None}
        | {end: 100 * bound / row.scale for end, bound in zip(ENDS, bounds, strict=True)}
        for row in rows
        if row.form == "share" and "." in row.metric and not row.scope
        for name, comparison in zip(names[1:], row.comparisons, strict=True)
        if comparison is not None and (bounds := comparison.difference.bounds) is not None
    ]
    if drawn:
        title = "difference in points, with 95 % intervals"
        chart = charts.intervals(drawn, title=title, zero=True, answers=SHAPES)
        st.altair_chart(chart, width="stretch", alt="Difference of each share in points, with its interval")


def _taken(column: MatrixColumn, name: str) -> dict[str, Any]:
    return {
        "run": name,
        "model": model_of(column),
        "fingerprint": fingerprint_of(column),
        "answers": count(column.results),
        "unscored": count(column.unscored),
        "cached": count(column.cached),
        "output tokens": count(column.tokens_out),
        "cost": dollars(column.cost_usd),
        "latency p50": milliseconds(column.latency_p50_ms),
        "latency p95": milliseconds(column.latency_p95_ms),
    }


def _changes(changes: MatrixChanges, name: str, run_id: str, baseline: str) -> None:
    st.markdown(f"**{plain(name)}**")
    with st.container(horizontal=True, gap="small"):
        query_params.link("All cases side by side", "runs", icon=":material/difference:", run=run_id, against=baseline)
        for case in changes.worst:
            link = {"run": run_id, "against": baseline, "case": case.case_id}
            label = f"{case.case_id}: {case.baseline:.3g} → {case.candidate:.3g}"
            query_params.link(label, "runs", icon=":material/trending_down:", **link)
    if not changes.worst:
        st.caption(f"No case is worse by {plain(changes.metric or DASH)}.")
    draw_signals(block_lines(changes.signals))


def draw(control: Control) -> None:
    """Draw the run or comparison in the URL, or the list."""
    several, against = query_params.get_all("run"), query_params.get("against")
    if not several:
        return draw_run_list(control)
    with query_params.explain_gone("This run does not exist, or retention has deleted it.", "All runs"):
        if len(several) > 1 and against:
            draw_matrix(control, several, against)
        elif against:
            draw_comparison(control, several[-1], against)
        else:
            draw_run(control, several[-1])
    return None


view = View(title="Runs", icon=":material/fact_check:", path="runs", place=3, draw=draw)
