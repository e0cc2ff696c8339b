"""One verdict: the decision, findings with intervals and limits, runs, provenance and downloads."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import quote

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components import charts, query_params
from dashboard.components.formatting import moment, moment_of, plain
from dashboard.components.tables import prose
from dashboard.verdicts.review_evidence import draw_review_evidence
from dashboard.verdicts.wording import DECISIONS, SHAPES, WORST_FIRST, badge, result_of
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.plurals import counted
from fairtrial.domain.verdict import Odds

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
FORMS = {
    "markdown": ("Markdown", "md", "text/markdown"),
    "junit": ("JUnit", "xml", "application/xml"),
    "json": ("JSON", "json", "application/json"),
}
LONGEST, SHORT = 60, 12
NO_BREAK = "\N{NO-BREAK SPACE}"
ENDS = {("level", "%"): (0, 100)}


def draw_verdict(control: Control, verdict_id: str) -> None:
    """Draw the verdict."""
    path = f"/api/verdicts/{quote(verdict_id, safe='')}"
    verdict, around = control.get(path), control.get(f"{path}/around")
    st.button("All verdicts", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
    _decision(verdict, around)
    _files(control, path, verdict_id)
    _findings(verdict)
    _figures(verdict["findings"], around["figures"])
    draw_review_evidence(control, verdict["candidate"], verdict["baseline"])
    _runs(verdict, around["runs"])
    _provenance(verdict.get("provenance"))
    _again(verdict)


def _decision(verdict: Row, around: Row) -> None:
    st.title(plain(f"{verdict['candidate']} against {verdict['baseline']}"))
    with st.container(horizontal=True, vertical_alignment="center"):
        badge(verdict["decision"])
        st.markdown(f"**{DECISIONS[verdict['decision']][2]}**")
    st.markdown(plain(verdict["headline"]))
    saved = around["saved"]
    who = f" · saved by {plain(saved['actor'])}" if saved else ""
    judged = verdict["candidates_judged"]
    many = f" · {counted(judged, 'candidate')} judged by this gate so far" if judged else ""
    st.caption(f"Gate {plain(verdict['gate'])} · {moment(verdict['at_us'])}{who}{many}")
    if verdict.get("odds"):
        st.caption(plain(f"By this gate, {_odds(verdict['odds'])}."))


def _odds(row: Row) -> Odds:
    share = {field.name: row["discordance"][field.name] for field in fields(Estimate)}
    return Odds(**{**row, "discordance": Estimate(**share)})


def _files(control: Control, path: str, verdict_id: str) -> None:
    with st.container(horizontal=True, gap="small"):
        for form, (label, ending, mime) in FORMS.items():
            st.download_button(
                label,
                partial(_report, control, f"{path}/reports/{form}"),
                f"verdict-{verdict_id}.{ending}",
                mime,
                key=f"take-{form}",
                icon=":material/download:",
                on_click="ignore",
            )


def _report(control: Control, path: str) -> str:
    return str(control.get(path)["text"])


def _findings(verdict: Row) -> None:
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
    prose([_line(one) for one in findings], title=f"findings {verdict['verdict_id']}", raw=raw)


def _line(finding: Row) -> dict[str, str]:
    return {
        "result": result_of(finding).replace(" ", NO_BREAK),
        "rule": finding["rule"],
        "source": finding["source"],
        "finding": finding["says"],
    }


def _figures(findings: Sequence[Row], figures: Sequence[Row]) -> None:
    if not figures:
        return
    st.subheader("Evidence")
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


def _runs(verdict: Row, runs: Sequence[Row]) -> None:
    st.subheader("Runs")
    if not runs:
        st.caption("None. The findings say which runs are missing.")
    by_suite: dict[str, list[Row]] = {}
    for row in runs:
        by_suite.setdefault(row["suite"], []).append(row)
    for suite, rows in by_suite.items():
        new = next((row for row in rows if row["target"] == verdict["candidate"]), None)
        old = next((row for row in rows if row["target"] == verdict["baseline"]), None)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(suite)}**", width="content")
            for row in rows:
                query_params.link(f"{row['target']}, {moment_of(row['ended_time'])}", "runs", run=row["run_id"])
            if new and old:
                icon = ":material/compare_arrows:"
                query_params.link("Compare", "runs", icon=icon, run=new["run_id"], against=old["run_id"])


def _provenance(found: Row | None) -> None:
    """Draw the provenance, which verdicts of earlier versions do not have."""
    if found is None:
        return
    st.subheader("Provenance")
    who, program, plan = plain(found["asked_by"]), plain(found["program"]), plain(found["plan_hash"][:SHORT])
    st.caption(f"Requested by {who} · judged by fairtrial {program} · plan {plan}")
    suites = [
        {"suite": one["suite"], "digest": one["digest"], "SHA-256 of the text": one["text_digest"] or "not stored"}
        for one in found["suites"]
    ]
    if suites:
        st.dataframe(suites, hide_index=True, width="stretch")
    with st.expander(f"The gate's text, SHA-256 {found['gate_sha256'][:SHORT]}…"):
        st.code(found["gate_text"], language="yaml")
        st.caption(f"SHA-256 {plain(found['gate_sha256'])}")


def _again(verdict: Row) -> None:
    st.subheader("Judge again")
    st.caption("This command runs the gate's suites on both targets first. Answers that are already cached are reused.")
    names = f"--candidate {shlex.quote(verdict['candidate'])} --baseline {shlex.quote(verdict['baseline'])}"
    file = shlex.quote(f"{verdict['gate']}.gate.yaml")
    st.code(f"fairtrial gate {file} {names} --run", language=None)
