"""Draws what a template makes of values, in one design, and follows its links within the page."""

from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import streamlit as st
from markupsafe import Markup

from dashboard.components.query_params import open_page
from fairtrial import html_pages

HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def component() -> Any:
    """The component, declared once per process from files of this package."""
    script, style = ((HERE / f"page.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    return st.components.v2.component("fairtrial_page", js=script, css=style)


def html_part(template: str, **values: Any) -> Markup:
    """A part of another template, in which all values are escaped already."""
    return Markup(html_pages.render(template, **values))  # noqa: S704 - the template escapes


def draw_markup(template: str, *, key: str, looked: str = "", **values: Any) -> None:
    """Draw a template, which escapes all values. ``looked``: the cookie that keeps when the visitor saw it."""
    html = html_pages.render(template, **values)
    clicked = component()(key=key, data={"html": html, "looked": looked}, on_go_change=lambda: None)
    if clicked.go:
        address = urlsplit(clicked.go)
        open_page(address.path, {name: found[-1] for name, found in parse_qs(address.query).items()})
