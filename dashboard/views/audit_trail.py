"""Draws the audit trail page: who did what, when and why, and whether the chain of entries is intact."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import streamlit as st
from msgspec import to_builtins

from dashboard.audit_entries import GROUPS, render_entries, sentence_of, words_of
from dashboard.client import Control
from dashboard.components import query_params
from dashboard.components.formatting import csv_text
from dashboard.view import View
from fairtrial.api import events, plans
from fairtrial.api.operation import Nothing, Window
from fairtrial.domain.wording import counted

SIZE = 20
MOST = 10_000
"""The entries of one download."""


def draw(control: Control) -> None:
    """Draw the page."""
    st.title("Audit trail")
    _chain(control)
    query = _filters(control)
    total = control.call(events.summary, events.ListEvents(**query)).total
    if not total:
        st.info("No entry matches. Change the filters.", icon=":material/search_off:")
        return
    limit, offset = query_params.page_place("audit", tuple(query.items()), size=SIZE)
    rows = control.call(events.listing, events.ListEvents(**query, limit=limit, offset=offset))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{counted(total, 'entry', 'entries')}, newest first. Times are UTC.")
        _download(control, query)
    render_entries(rows, control.call(plans.listing, Window(limit=1000)))
    query_params.draw_pages("audit", total, size=SIZE)


def _chain(control: Control) -> None:
    """Draw whether somebody changed or removed entries."""
    chain = control.call(events.chain, Nothing())
    if chain.whole:
        st.success("The chain of entries is intact: each entry continues the one before it.", icon=":material/link:")
        st.caption("A chain that was cut at its end or rewritten as a whole differs only from a copy, such as the CSV.")
        return
    st.error(
        f"The chain of entries is broken at entry {chain.broken_at}. Somebody changed or removed entries in the "
        "store, so the trail proves nothing from there on. Compare it with a backup.",
        icon=":material/link_off:",
    )


def _filters(control: Control) -> dict[str, Any]:
    """Draw the filters, which are kept in the URL; returns the query."""
    known = control.call(events.summary, events.ListEvents())
    met = {f"{kind.partition('.')[0]}." for kind in known.actions}
    who, what, subject = st.columns(3)
    with who:
        actor = query_params.choose("Who", known.actors, name="who", placeholder="everybody")
    with what:
        groups = [group for group in GROUPS if group in met] + sorted(met - GROUPS.keys())
        action = query_params.choose("What", groups, name="what", words=words_of, placeholder="everything")
    with subject:
        text = st.text_input(
            "Subject", value=query_params.get("subject") or "", placeholder="part of a name or an id", max_chars=200
        )
        query_params.keep(subject=text or None)
    since, until = st.columns(2)
    with since:
        first = query_params.choose_date("From (UTC, inclusive)", name="from")
    with until:
        last = query_params.choose_date("To (UTC, inclusive)", name="to")
    query: dict[str, Any] = {"actor": actor, "action": action, "subject": text or None}
    query["since_us"] = _microseconds(first) if first else None
    query["until_us"] = _microseconds(last + timedelta(days=1)) if last else None
    return {name: value for name, value in query.items() if value is not None}


def _microseconds(day: date) -> int:
    return max(0, int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())) * 1_000_000


def _download(control: Control, query: dict[str, Any]) -> None:
    st.download_button(
        "CSV",
        _fetched(control, query),
        "audit-trail.csv",
        "text/csv",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
        help=f"All entries that match, at most the newest {MOST:,}",
    )


def _fetched(control: Control, query: dict[str, Any]) -> Callable[[], str]:
    """Reads the entries only when somebody downloads them."""

    def fetch() -> str:
        rows = control.call(events.listing, events.ListEvents(**query, limit=MOST))
        return csv_text([{**to_builtins(row), "sentence": sentence_of(row)} for row in rows])

    return fetch


view = View(title="Audit trail", icon=":material/history:", path="audit-trail", place=7, draw=draw)
