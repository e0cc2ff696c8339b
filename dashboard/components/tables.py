"""Draws tables with CSV and JSON downloads, and rows of text."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal
from zlib import crc32

import streamlit as st

from dashboard.components.formatting import DASH, Row, csv_text, file_name, json_text, plain
from dashboard.components.markup import draw_markup
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
    """Draw rows as text with line breaks, without downloads; on a phone, the cells of a row below each other."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    shown = [[row.get(name, DASH) for name in columns] for row in rows]
    draw_markup("rows.html", key=f"{title} {crc32(repr(rows).encode())}", title=title, columns=columns, rows=shown)


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
