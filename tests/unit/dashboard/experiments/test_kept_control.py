"""The dialog of a promotion sends how much of the control stays, and nothing by default."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.fixtures.waiting import PATIENCE


def page() -> None:
    import streamlit as st

    from dashboard.experiments.state import _kept_control

    st.json(_kept_control("a promotion"))


def test_the_dialog_keeps_no_control_unless_a_share_is_given() -> None:
    app = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert not app.exception and app.json[0].value == "{}"
    app.number_input[0].set_value(5).run()
    assert app.json[0].value == '{"keep_control": "5%", "keep_for": "14d"}'
