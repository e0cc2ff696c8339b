"""Draws the migration page: the models that end, and for each the newest report of `fairtrial migrate`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import streamlit as st

from dashboard.client import Control
from dashboard.components import tables_and_charts
from dashboard.components.formatting import DASH, count, dollars, milliseconds, plain
from dashboard.components.query_params import link
from dashboard.verdicts.list import RESULTS, unofficial_badge
from dashboard.view import View
from fairtrial.api import migrations
from fairtrial.api.comparison_answers import MatrixColumn
from fairtrial.api.migrations import BothSides, EndingDeployment, JudgedSuccessor, KeptBaseline, MigrationReport
from fairtrial.api.operation import Nothing
from fairtrial.domain.wording import counted

WARN_DAYS = 30
AMOUNTS: Sequence[tuple[str, Callable[[MatrixColumn], float | None], Callable[[float | None], str]]] = (
    ("cost", lambda side: side.cost_usd, dollars),
    ("output tokens", lambda side: side.tokens_out, count),
    ("median latency", lambda side: side.latency_p50_ms, milliseconds),
    ("p95 latency", lambda side: side.latency_p95_ms, milliseconds),
)


def draw(control: Control) -> None:
    """Draw each deployment that ends, the earliest first."""
    st.title("Migration")
    st.caption("Models whose provider turns them off, and which model may follow. The countdown is as of today.")
    ending = control.call(migrations.listing, Nothing())
    if not ending:
        st.info(
            "No deployment has a known last day. State it as `shutdown_date` of the deployment in fairtrial.yaml.",
            icon=":material/event_available:",
        )
    for deployment in ending:
        st.header(plain(deployment.deployment), divider="gray")
        _countdown(deployment)
        if deployment.report is None:
            tables_and_charts.suggest_command(
                "No migration is stored. Compare its successors:",
                f"fairtrial migrate {deployment.deployment} NEW --suite FILE",
                icon=":material/swap_horiz:",
            )
        else:
            _report(deployment.report)


def _countdown(ending: EndingDeployment) -> None:
    if ending.days_left is None:
        st.warning("Its last day is unknown, or it is no longer in the project file.", icon=":material/help:")
        return
    over, near = ending.days_left < 0, ending.days_left <= WARN_DAYS
    passed, left, provider, serves = st.columns(4)
    passed.metric("Last day", ending.last_day)
    left.metric(
        "It ended" if over else "Days left", f"{counted(-ending.days_left, 'day')} ago" if over else ending.days_left
    )
    provider.metric("Model", plain(ending.model or DASH))
    serves.metric("Serves", counted(len(ending.serves), "route"))
    show = st.error if over else st.warning if near else st.info
    show(plain(f"{ending.countdown}."), icon=":material/event_busy:")


def _report(report: MigrationReport) -> None:
    """Draw what `fairtrial migrate` found on the day of the report."""
    old = report.old
    st.caption(f"As of {report.date}, when this command ran:")
    st.code(report.command, language=None)
    st.subheader("Kept for good")
    st.caption(f"The answers of {plain(old)} to each suite are the baseline. Retention does not delete them.")
    for baseline in report.baselines:
        _baseline(old, baseline)
    for text in report.replaced:
        st.caption(plain(text))
    for successor in report.successors:
        _successor(old, successor)
    share = f"{100 * report.error_rate:.2g} %"
    st.caption(f"{counted(len(report.successors), 'successor')} judged, each at an error rate of {share}.")
    st.subheader("Move the traffic")
    _experiment(report)


def _baseline(old: str, baseline: KeptBaseline) -> None:
    text = f"**{plain(baseline.suite)}**: "
    text += "its stored answers are used" if baseline.stored else "it answered" if baseline.run_id else "none"
    if baseline.why:
        text += plain(f", because {old} no longer answers ({baseline.why})")
    if baseline.erased:
        text += f". {counted(baseline.erased, 'erased case')} left out on both sides"
    st.markdown(f"{text}.")
    if baseline.run_id is not None:
        link(f"Run {baseline.run_id}", "runs", icon=":material/fact_check:", run=baseline.run_id)


def _successor(old: str, successor: JudgedSuccessor) -> None:
    with st.container(border=True):
        target = successor.target
        with st.container(horizontal=True, vertical_alignment="center"):
            unofficial_badge(successor.decision)
            st.markdown(f"**{plain(target)}** for {plain(old)}")
        st.markdown(plain(successor.headline))
        for refusal in successor.refusals:
            st.warning(plain(f"{refusal.suite}: {refusal.error}"), icon=":material/block:")
            if refusal.params:
                st.code(refusal.params, language="yaml")
        lines = [
            {
                "line": finding.rule,
                "result": RESULTS[finding.result],
                "what was measured": finding.says,
                "the old model itself": finding.old or "–",
            }
            for finding in successor.findings
        ]
        if lines:
            tables_and_charts.sentences(lines, title=f"The lines of {target}")
        amounts = [row for suite, sides in successor.beside.items() for row in _amounts(suite, old, target, sides)]
        if amounts:
            st.dataframe(amounts, hide_index=True, width="stretch")
        tables_and_charts.draw_signals(successor.unasked)
        link("Evidence", "gate", icon=":material/gavel:", verdict=successor.verdict_id)


def _amounts(suite: str, old: str, target: str, sides: BothSides) -> Iterator[dict[str, Any]]:
    for label, amount, form in AMOUNTS:
        values = [None if side is None else amount(side) for side in (sides.old, sides.new)]
        if values != [None, None]:
            yield {"suite": suite, "what": label} | dict(zip((old, target), map(form, values), strict=True))


def _experiment(report: MigrationReport) -> None:
    experiment = report.experiment
    if experiment is None:
        st.info(plain(f"No experiment was written: {report.no_experiment}."), icon=":material/science:")
        for text in report.reviews:
            st.caption(plain(text))
        return
    for plan in experiment.plans:
        missing = [(plan.users_missing, "user"), (plan.days_missing, "day")]
        lacks = " and ".join(counted(number, noun) for number, noun in missing if number)
        show, icon = (st.warning, "hourglass_bottom") if lacks else (st.info, "science")
        show(plain(f"{plan.experiment} on {plan.route}: {plan.summary}."), icon=f":material/{icon}:")
    st.caption("The new part of the project file:")
    st.code(experiment.piece, language="yaml")
    name = f"migrate-{report.old}.yaml"
    st.download_button("Download", experiment.piece, name, "application/yaml", icon=":material/download:")
    st.caption("The whole file is beside the project file. Check it, then take its part over:")
    st.code(f"fairtrial check {experiment.file}", language=None)


view = View(title="Migration", icon=":material/swap_horiz:", path="migration", place=6, draw=draw)
