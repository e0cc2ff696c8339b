"""The first page: are the services well, how does the traffic split, and what did the gate say last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import streamlit as st

from dashboard import charts
from dashboard.client import Control, Row
from dashboard.view import View
from dashboard.words import DASH, dollars, milliseconds, moment, plain, share

DECISIONS: Mapping[str, tuple[str, Any]] = {
    "SHIP": (":material/check_circle:", "green"),
    "HOLD": (":material/hourglass_top:", "orange"),
    "BLOCK": (":material/block:", "red"),
    "INVALID": (":material/help:", "violet"),
}
MARKS = {"pass": "✓", "cannot tell": "?", "fail": "✗", "invalid": "!"}
Z_95 = 1.959964


def draw(control: Control) -> None:
    """Draw the page."""
    st.title("Overview")
    _services(control.get("/api/services"), control.get("/api/store")["rows"])
    experiments = control.rows("/api/experiments")
    for experiment in experiments:
        _experiment(experiment)
    if not experiments:
        st.info("No experiment yet: declare one in fairtrial.yaml under `experiments:`.", icon=":material/science:")
    _verdicts(control.rows("/api/verdicts", limit=20, findings="true"))


def _services(services: Row, stored: Row) -> None:
    gateway, plan, ingest = services["gateway"], services["plan"], services["ingest"]
    columns = st.columns(4)
    ready = {True: "ready", False: "not ready", None: "not started"}[gateway["ready"]]
    columns[0].metric("Gateway", ready, help=f"Applications send to {gateway['url']}/v1" if gateway["url"] else None)
    columns[1].metric("Requests in the store", f"{stored['requests']:,}", help="Live traffic and evaluation runs")
    columns[2].metric("Waiting to be stored", f"{ingest['lag_bytes']:,} bytes")
    columns[3].metric("Plan", (plan["hash"] or DASH)[:8], help="Every recorded row names the plan that routed it")
    if plan["refused"]:
        st.warning("The changed configuration was refused; the last good plan stays.", icon=":material/rule:")
        st.code(plan["refused"], language=None)
    _recording(services["recording"])
    if services["control"]["trouble"]:
        st.error(plain(str(services["control"]["trouble"])), icon=":material/error:")


def _recording(recording: Row) -> None:
    """Recording fails open: traffic went on, so only this says that something is missing."""
    if recording["lost"]:
        st.error(
            f"{recording['lost']:,} events could not be recorded, last {moment(recording['last_us'])}. "
            "Traffic went on; rates of that time are incomplete. Is the disk full?",
            icon=":material/report:",
        )
    if recording["sync_failures"]:
        st.warning(
            f"The disk refused {recording['sync_failures']:,} syncs, last {moment(recording['last_us'])}: "
            "events of that time would not survive a power cut.",
            icon=":material/save:",
        )


def _experiment(experiment: Row) -> None:
    st.header(f"Experiment {plain(experiment['name'])}", divider="gray")
    st.markdown(plain(experiment["question"]))
    traffic = experiment["traffic"]
    variants: Sequence[Row] = traffic["variants"]
    if not variants:
        st.info("No traffic yet. Send the route's name in `model` to the gateway.", icon=":material/sensors_off:")
        return
    st.dataframe([_variant(row, experiment["control"]) for row in variants], hide_index=True, width="stretch")
    for key in sorted({key for row in variants for key in row["feedback"]}):
        _feedback(key, variants)
    st.caption("Plain rates by intention to treat, over enrolled units: to look at, not to decide by.")
    if traffic["reasons"].get("no_unit"):
        st.warning(
            f"{traffic['reasons']['no_unit']} requests named no unit and were served the control: send `user` or "
            "`x-fairtrial-unit`.",
            icon=":material/person_off:",
        )


def _variant(row: Row, control: str) -> dict[str, Any]:
    return {
        "variant": row["variant"] + (" (control)" if row["variant"] == control else ""),
        "units": row["units"],
        "requests": row["requests"],
        "errors": share(row["errors"], row["requests"]),
        "latency p50": milliseconds(row["latency_p50"]),
        "latency p95": milliseconds(row["latency_p95"]),
        "tokens out": DASH if row["tokens_out"] is None else f"{row['tokens_out']:,}",
        "cost": dollars(row["cost_usd"]),
    }


def _feedback(key: str, variants: Sequence[Row]) -> None:
    rated = [(row["variant"], row["feedback"][key]) for row in variants if row["feedback"].get(key, {}).get("rated")]
    rows = [_wilson(variant, found["rate"], found["rated"]) for variant, found in rated if 0 <= found["rate"] <= 1]
    if rows:
        title = f"{key}: share of the ratings that are yes, with a plain 95 % interval"
        st.altair_chart(charts.rates(rows, title=title), width="stretch")


def _wilson(variant: str, rate: float, n: int) -> dict[str, Any]:
    """Wilson's interval (1927), for the eye: the dashboard decides nothing."""
    centre, spread = rate + Z_95**2 / (2 * n), Z_95 * sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n * n))
    scale = 1 + Z_95**2 / n
    return {
        "variant": variant,
        "rate": rate,
        "n": n,
        "low": (centre - spread) / scale,
        "high": (centre + spread) / scale,
    }


def _verdicts(verdicts: Sequence[Row]) -> None:
    st.header("Last verdicts", divider="gray")
    if not verdicts:
        st.info("No verdict yet. Ask for one: `fairtrial gate GATE --candidate tuned --baseline base`.")
    for verdict in verdicts:
        with st.container(border=True):
            _verdict(verdict)


def _verdict(verdict: Row) -> None:
    icon, colour = DECISIONS[verdict["decision"]]
    st.badge(verdict["decision"], icon=icon, color=colour)
    st.markdown(plain(verdict["headline"]))
    who = f"{verdict['candidate']} against {verdict['baseline']}, by the gate {verdict['gate']}"
    st.caption(f"{plain(who)}, {moment(verdict['at_us'])}")
    with st.expander(f"{len(verdict['findings'])} findings"):
        rows = [
            {"": MARKS[each["result"]], "finding": each["says"], "rule": each["rule"]} for each in verdict["findings"]
        ]
        st.dataframe(rows, hide_index=True, width="stretch")


view = View(title="Overview", icon=":material/balance:", path="overview", place=1, draw=draw)
