"""A table on a page, with the two files that it can be taken away as."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import streamlit as st

from dashboard.components.downloads import Row, csv_text, file_name, json_text
from dashboard.components.formatting import plain


def table(
    rows: Sequence[Row],
    *,
    title: str,
    columns: dict[str, Any] | None = None,
    raw: Sequence[Row] = (),
    height: Literal["auto", "content"] = "auto",
) -> None:
    """Rows as they read, and their files; ``raw`` are the same rows in numbers, for the files, ``title`` names them."""
    st.dataframe(list(rows), hide_index=True, width="stretch", height=height, column_config=columns)
    offer(raw or rows, title=title)


def prose(rows: Sequence[Row], *, title: str, raw: Sequence[Row]) -> None:
    """Rows of sentences, each whole and on as many lines as it needs; ``raw`` is what their files hold."""
    shown = [{plain(name): plain(str(value)) for name, value in row.items()} for row in rows]
    st.table(shown, hide_index=True, border="horizontal", alt=title)
    offer(raw, title=title)


def offer(rows: Sequence[Row], *, title: str) -> None:
    """Two small buttons: CSV and JSON, made when they are pressed."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        for ending, made, mime in (("csv", csv_text, "text/csv"), ("json", json_text, "application/json")):
            name = file_name(title, ending)
            st.download_button(
                ending.upper(),
                partial(made, list(rows)),
                name,
                mime,
                key=f"take-{name}",
                type="tertiary",
                icon=":material/download:",
                on_click="ignore",
                help=f"{title}, as {name}",
            )
