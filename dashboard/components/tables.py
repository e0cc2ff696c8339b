"""Draws tables with CSV and JSON downloads, and rows of text."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import streamlit as st

from dashboard.components.formatting import Row, csv_text, file_name, json_text, plain
from fairtrial.domain.answers.signals import BLOCK_TITLE


def table(
    rows: Sequence[Row],
    *,
    title: str,
    columns: dict[str, Any] | None = None,
    raw: Sequence[Row] = (),
    height: Literal["auto", "content"] = "auto",
) -> None:
    """Draw a table with downloads. ``raw`` are the rows with numbers for the files, which ``title`` names."""
    st.dataframe(list(rows), hide_index=True, width="stretch", height=height, column_config=columns)
    offer(raw or rows, title=title)


def prose(rows: Sequence[Row], *, title: str, raw: Sequence[Row]) -> None:
    """Draw rows of sentences with line breaks. ``raw`` are the rows of the files."""
    sentences(rows, title=title)
    offer(raw, title=title)


def sentences(rows: Sequence[Row], *, title: str) -> None:
    """Draw rows as text with line breaks, without downloads."""
    shown = [{plain(name): plain(str(value)) for name, value in row.items()} for row in rows]
    st.table(shown, hide_index=True, border="horizontal", alt=title)


def offer(rows: Sequence[Row], *, title: str) -> None:
    """Draw buttons for CSV and JSON files, which are created on a click."""
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


def suggest_command(text: str, command: str, *, icon: str | None = None) -> None:
    """Draw what is missing, and the command that makes it."""
    st.info(text, icon=icon)
    st.code(command, language=None)


def draw_signals(lines: Sequence[str]) -> None:
    """Draw the lines of `block_lines`: notable changes, the others in one line, and the rule; nothing without any."""
    if not lines:
        return
    *changes, rule = lines
    st.markdown(f"**{BLOCK_TITLE}**")
    for line in changes:
        st.markdown(f"- {plain(line)}")
    st.caption(rule)
