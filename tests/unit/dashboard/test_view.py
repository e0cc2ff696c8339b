"""Links to control use the host name by which the browser reached the dashboard, because cookies belong to it."""

from __future__ import annotations

import pytest
import streamlit as st

from dashboard.client import Control
from dashboard.view import CONTROL_PUBLIC_URL, address_at_control

CONTROL = Control("http://127.0.0.1:8081")


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("http://reviews.example:8501/blind", "http://reviews.example:8081/sign-in"),
        ("http://[2001:db8::7]:8501/", "http://[2001:db8::7]:8081/sign-in"),
        (None, "http://127.0.0.1:8081/sign-in"),
    ],
)
def test_controls_port_is_taken_on_the_host_of_the_page(
    monkeypatch: pytest.MonkeyPatch, page: str | None, address: str
) -> None:
    monkeypatch.delenv(CONTROL_PUBLIC_URL, raising=False)
    monkeypatch.setattr(type(st.context), "url", page)
    assert address_at_control(CONTROL, "/sign-in") == address


def test_a_configured_public_address_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTROL_PUBLIC_URL, "https://control.example/")
    monkeypatch.setattr(type(st.context), "url", "http://reviews.example:8501/")
    assert address_at_control(CONTROL, "/sign-in") == "https://control.example/sign-in"
