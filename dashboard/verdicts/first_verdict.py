"""Draws what a project still needs for its first verdict: the next step open, and what is done as checked lines."""

from collections.abc import Sequence

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components.formatting import plain
from dashboard.components.query_params import link
from fairtrial.api import verdicts
from fairtrial.api.verdicts import FirstStep


def draw_first_verdict(control: Control, steps: Sequence[FirstStep]) -> None:
    """Draw the steps, the next one first."""
    st.header("To a first verdict", divider="gray")
    st.caption("Run commands in the project's folder. The list disappears once there is a verdict.")
    undone = sorted((step for step in steps if not step.done), key=lambda step: not step.needed)
    for step in undone:
        icon = ":material/arrow_forward:" if step is undone[0] else ":material/radio_button_unchecked:"
        with st.expander(f"**{step.title}** · {plain(step.known)}", expanded=step is undone[0], icon=icon):
            _draw_step(control, step)
    done = [f":material/check: {step.title} · {plain(step.known)}" for step in steps if step.done]
    st.caption("  \n".join(done))


def _draw_step(control: Control, step: FirstStep) -> None:
    """Draw the button that does the step, or the lines to copy."""
    if step.page:
        link("Compare answers", step.page, icon=":material/rate_review:")
    elif step.judge is None or control.only_reads:
        st.code(step.lines, language=None, wrap_lines=True)
    elif st.button("Judge now", type="primary", icon=":material/gavel:"):
        try:
            control.call(verdicts.judge, step.judge)
            st.rerun()
        except Refused as error:
            st.error(plain(str(error)))
