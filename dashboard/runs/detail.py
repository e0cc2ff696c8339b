"""Draws one run: its scores, outcomes, slices, and cases in pages."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import streamlit as st
from msgspec import to_builtins

from dashboard.client import Control, cached_call
from dashboard.components import case_panes, query_params
from dashboard.components.formatting import DASH, count, dollars, milliseconds, moment, plain, share
from dashboard.components.tables import table
from dashboard.runs.list import caption_of, help_of, name_of
from fairtrial.api import runs
from fairtrial.api.run_answers import RunFigures, RunUsage, SignalLevel, SliceMean
from fairtrial.domain.answers.signals import METRICS, SIGNALS
from fairtrial.domain.run import StoredRun
from fairtrial.domain.wording import GRADES, OUTCOMES, counted

SIGNAL_NAMES = {f"{SIGNALS}.{signal}": name for name, signal in METRICS.items()}
"""Stored signal → its name in gate lines and comparisons."""
RIGHT = {name: st.column_config.TextColumn(alignment="right") for name in ("value", "cases", "share")}


def draw_run(control: Control, run_id: str) -> None:
    """Draw the run."""
    figures = control.call(runs.figures, runs.NameRun(run_id=run_id))
    run = figures.run
    st.button("All runs", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
    st.title(plain(f"{run.suite} on {run.target}"))
    _head(run, figures.used)
    _against(control, run)
    left, right = st.columns([3, 2])
    with left:
        st.subheader("Scores")
        _scores(run)
        _signals(figures.signals)
    with right:
        st.subheader("Outcomes")
        _outcomes(run)
    _slices(control, run)
    st.subheader("Cases")
    _cases(control, figures)


def _head(run: StoredRun, used: RunUsage) -> None:
    if run.status != "finished":
        st.warning("This run was interrupted, so its figures cover only part of the suite.", icon=":material/warning:")
    columns = st.columns(5)
    columns[0].metric("Cases", count(used.cases), help=f"{counted(used.results, 'answer')} including repeats")
    columns[1].metric("Without an answer", count(used.errors))
    columns[2].metric("Latency p50", milliseconds(used.latency_p50), help="Not counting cached answers")
    columns[3].metric("Latency p95", milliseconds(used.latency_p95))
    columns[4].metric("Cost", dollars(used.cost_usd), help="Unknown if the price of any answer is unknown")
    st.caption(caption_of(run), help=help_of(run))
    tokens = f"{count(used.tokens_in)} tokens in, {count(used.tokens_out)} out"
    st.caption(
        f"{moment(run.at_us)} · {tokens} · {count(used.cached)} cached · seed {run.seed} · "
        f"suite {plain(run.suite_digest[:8])} · run {plain(run.run_id)}"
    )


def _against(control: Control, run: StoredRun) -> None:
    others = [row for row in control.call(runs.listing, runs.ListRuns(suite=run.suite)) if row.run_id != run.run_id]
    others = [row for row in others if row.status == "finished"]
    if not others:
        st.caption(f"No other run to compare with yet. Run the suite {plain(run.suite)} on another target.")
        return
    names = {str(row.run_id): name_of(row) for row in others}
    chosen = query_params.pick("Compare with", names, placeholder="another run of this suite")
    if chosen is not None:
        query_params.go(run=run.run_id, against=chosen)
        st.rerun()


def _scores(run: StoredRun) -> None:
    rows = [{"metric": name, "value": DASH if value is None else f"{value:.4g}"} for name, value in run.metrics.items()]
    raw = [{"metric": name, "value": value} for name, value in run.metrics.items()]
    table(rows, title=f"scores of {run.suite} on {run.target}", raw=raw, columns=RIGHT)


def _signals(rows: Sequence[SignalLevel]) -> None:
    """The level of each signal in one line; nothing for a run without signals."""
    order = list(SIGNAL_NAMES)
    known = sorted((row for row in rows if row.metric in order), key=lambda row: order.index(row.metric))
    if known:
        st.caption(f"Signals: {', '.join(map(_level, known))}.")


def _level(row: SignalLevel) -> str:
    name, over = SIGNAL_NAMES[row.metric], counted(row.cases, "case")
    if name == "verbosity":
        return f"{plain(name)} {count(row.mean)} characters over {over}"
    return f"{plain(name)} {share(row.mean)} of {over}"


def _outcomes(run: StoredRun) -> None:
    total = sum(run.counts.values())
    rows = [
        {"outcome": OUTCOMES.get(name, name), "cases": count(number), "share": share(number, total)}
        for name, number in run.counts.items()
        if number
    ]
    table(rows, title=f"outcomes of {run.suite} on {run.target}", columns=RIGHT)


def _slices(control: Control, run: StoredRun) -> None:
    rows = cached_call(control, runs.slices, runs.NameRun(run_id=run.run_id))
    if not rows:
        return
    st.subheader("Slices")
    tags = sorted({str(row.tag) for row in rows})
    tag = query_params.choose("Tag", tags, name="tag") or tags[0]
    st.caption("Means over the scored cases of each slice. Means of small slices are unreliable.")
    here = [row for row in rows if row.tag == tag]
    table(
        _pivot(here, tag, list(run.metrics)),
        title=f"slices of {run.suite} on {run.target} by {tag}",
        raw=to_builtins(here),
    )


def _pivot(rows: Sequence[SliceMean], tag: str, ordered: Sequence[str]) -> list[dict[str, Any]]:
    """One line for each slice: scores in the order of the run, then stats of single labels, then signals."""
    names = dict.fromkeys(str(row.metric) for row in rows)
    place = {name: at for at, name in enumerate(ordered)}
    metrics = sorted(names, key=lambda name: (name in SIGNAL_NAMES, name.count("."), place.get(name, len(place))))
    cases, means = Counter[str](), defaultdict[str, dict[str, str]](dict)
    for row in rows:
        cases[row.value] = max(cases[row.value], row.results)
        means[row.value][row.metric] = DASH if row.mean is None else f"{row.mean:.3g}"
    return [
        {
            tag: value,
            "cases": cases[value],
            **{SIGNAL_NAMES.get(metric, metric): line.get(metric, DASH) for metric in metrics},
        }
        for value, line in means.items()
    ]


def _cases(control: Control, figures: RunFigures) -> None:
    run, case = figures.run, query_params.get("case")
    metric = _metric(figures.metrics)
    every = runs.CasesOf(run_id=run.run_id, metric=metric, limit=1)
    grade = None
    if case is None:
        more = ". Wrong is a score of 0, or above 0 where less is better."
        counts = cached_call(control, runs.cases, every).counts
        grade = query_params.choose_kind(counts, GRADES, name="grade", more=more)
    left, right = st.columns(2)
    outcomes = [name for name, number in run.counts.items() if number]
    with left:
        outcome = query_params.choose("Outcome", outcomes, name="outcome", words=_meaning, placeholder="any outcome")
    with right:
        text = st.text_input("Search", placeholder="question, answer or case id") or None
    text = text and text[:200]
    limit, offset = query_params.page_place("cases", (run.run_id, case, outcome, text, metric, grade))
    request = runs.CasesOf(
        run_id=run.run_id,
        metric=metric,
        grade=grade,
        case=case,
        outcome=outcome,
        text=text,
        limit=limit,
        offset=offset,
    )
    cases = cached_call(control, runs.cases, request)
    if not cases.rows:
        st.info("No case in the run matches.")
        return
    st.caption(f"{counted(cases.total, 'matching case')}")
    link = {"run": run.run_id}
    case_panes.show([case_panes.one_sided(row, run.target, link=link) for row in cases.rows], key="run-cases")
    query_params.draw_pages("cases", cases.total)


def _metric(metrics: Sequence[str]) -> str | None:
    """The score that says which cases are right; ``None`` if no case has one."""
    return query_params.choose("Metric", metrics, name="metric") if metrics else None


def _meaning(name: str) -> str:
    return OUTCOMES.get(name, name)
