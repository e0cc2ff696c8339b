"""Draws the migration page: the models that end, and for each the newest report of `fairtrial migrate`."""

import streamlit as st

from dashboard.client import Control
from dashboard.components import tables
from dashboard.components.document import draw_blocks
from dashboard.components.formatting import DASH, plain
from dashboard.components.query_params import link
from dashboard.view import View
from fairtrial.api import migrations
from fairtrial.api.migrations import EndingDeployment, MigrationReport
from fairtrial.api.operation import Nothing
from fairtrial.documents.migration import describe_migration
from fairtrial.domain.wording import counted

WARN_DAYS = 30


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
            tables.suggest_command(
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
    """Draw what `fairtrial migrate` found on the day of the report, and where to read on."""
    st.caption(f"As of {report.date}, when this command ran:")
    st.code(report.command, language=None)
    draw_blocks(describe_migration(report).blocks)
    for baseline in report.baselines:
        if baseline.run_id is not None:
            link(f"Run {baseline.run_id}", "runs", icon=":material/fact_check:", run=baseline.run_id)
    for successor in report.successors:
        link(f"Evidence on {successor.target}", "gate", icon=":material/gavel:", verdict=successor.verdict_id)
    if report.experiment is not None:
        piece = report.experiment.piece
        st.caption("The new part of the project file:")
        st.code(piece, language="yaml")
        name = f"migrate-{report.old}.yaml"
        st.download_button("Download", piece, name, "application/yaml", icon=":material/download:")


view = View(title="Migration", icon=":material/swap_horiz:", path="migration", place=6, draw=draw)
