"""Draws the cost page: what the variants of an experiment cost, and from which volume a fine-tune pays."""

import time

import streamlit as st

from dashboard.client import Control
from dashboard.components import query_params
from dashboard.components.document import draw_blocks
from dashboard.components.tables import suggest_command
from dashboard.view import View
from fairtrial.api import experiments, traffic
from fairtrial.api.cost_answers import CompareCosts
from fairtrial.documents.cost import describe_cost
from fairtrial.domain.limits.constants import DAY_US

DAYS = {"7": "the last week", "30": "the last 30 days", "90": "the last 90 days"}
NOBODY = "no other price"


def draw(control: Control) -> None:
    """Draw the report of the chosen experiment, and the same traffic at another price of the book."""
    st.title("Cost")
    states = control.call(experiments.states, experiments.ListStates())
    if not states:
        suggest_command("No experiments yet. Declare one in fairtrial.yaml, then check it:", "fairtrial check")
        return
    chosen, window, price = st.columns(3)
    with chosen:
        name = query_params.choose("Experiment", [state.name for state in states], name="name")
    with window:
        days = query_params.choose("Requests of", list(DAYS), name="days", words=DAYS.__getitem__, default="30")
    if name is None or days is None:
        return
    since_us = max(0, time.time_ns() // 1000 - int(days) * DAY_US)
    report = control.call(traffic.costs, CompareCosts(name=name, since_us=since_us))
    with price:
        known = [NOBODY, *report.deployments]
        what_if = query_params.choose("At the price of", known, name="price", default=NOBODY)
    if what_if is not None and what_if != NOBODY:
        request = CompareCosts(name=name, since_us=since_us, what_if=what_if)
        report = control.call(traffic.costs, request)
    draw_blocks(describe_cost(report).blocks)


view = View(title="Cost", icon=":material/payments:", path="cost", place=5, draw=draw)
