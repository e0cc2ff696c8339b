"""The window that pages of traffic show: a week unless one chooses, and all time on request."""

from __future__ import annotations

import time

from streamlit.testing.v1 import AppTest

from dashboard.components import query_params
from tests.fixtures.waiting import PATIENCE


def page() -> None:
    import streamlit as st

    from dashboard.components import query_params as shown

    st.caption(shown.WINDOW_WORDS[shown.choose_window()])


def test_a_week_is_shown_until_another_window_is_chosen_and_the_address_keeps_it() -> None:
    app = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert app.caption[0].value == "the last week"
    assert app.selectbox[0].options == ["the last hour", "the last day", "the last week", "all time"]
    app.selectbox[0].select("all").run()
    assert app.caption[0].value == "all time"
    assert app.query_params["window"] == "all"


def test_windows_begin_at_a_full_minute_and_all_time_at_nothing() -> None:
    day = 24 * 60 * query_params.MINUTE_US
    assert query_params.since_us("all") == 0
    assert query_params.since_us("day") % query_params.MINUTE_US == 0
    assert 0 <= time.time_ns() // 1000 - day - query_params.since_us("day") < 2 * query_params.MINUTE_US
