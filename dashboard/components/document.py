"""Draws the blocks of a document. A page draws the buttons of its actions itself, because it shows their answers."""

from collections.abc import Iterable
from math import inf

import streamlit as st

from dashboard.components import charts
from dashboard.components.formatting import plain
from dashboard.components.tables import sentences
from fairtrial.document.values import (
    Action,
    Block,
    Chart,
    Details,
    Facts,
    Heading,
    Note,
    Row,
    Sentence,
    Table,
    Texts,
)

SHOWN = "shown"
SHAPES = {"good": "circle", "open": "square", "bad": "cross", SHOWN: "diamond"}


def draw_blocks(blocks: Iterable[Block]) -> None:
    """Draw each block, in which no text becomes markup."""
    title = ""
    for block in blocks:
        match block:
            case Heading(title):
                st.subheader(plain(title))
            case Sentence(text, state, mark):
                words = f"**{plain(mark)}** {plain(text)}".strip() if mark else plain(text)
                (st.caption if state == "quiet" else st.markdown)(words)
            case Note(text, state):
                (st.error if state == "bad" else st.warning)(plain(text))
            case Facts(facts):
                sentences([{"fact": fact.name, "value": fact.text} for fact in facts], title=title)
            case Table():
                _draw_table(block, title)
            case Chart():
                if block.axis:
                    _draw_intervals(block)
                _draw_table(block.as_table(), title)
            case Texts(texts):
                for name, text in texts:
                    if name:
                        st.caption(plain(name))
                    st.code(text, language=None)
            case Details(folded, inner):
                with st.expander(plain(folded)):
                    draw_blocks(inner)
            case Action():
                pass


def _draw_intervals(chart: Chart) -> None:
    """Draw each interval; one without an upper end reaches to the largest number."""
    known = [(row, row.interval) for row in chart.rows if row.interval is not None]
    if not known:
        return
    most = max(end for _, each in known for end in (each.value, each.high, each.limit or 0.0) if end < inf)
    rows = [
        {"name": ", ".join(row.cells), "value": each.value, "low": each.low, "high": min(each.high, most)}
        | {"limit": each.limit, "n": each.n, "answer": row.state or SHOWN}
        for row, each in known
    ]
    picture = charts.intervals(rows, title=chart.axis, zero=False, answers=SHAPES)
    st.altair_chart(picture, width="stretch", alt=f"Intervals: {chart.axis}")


def _draw_table(table: Table, title: str) -> None:
    rows = [dict(zip(table.columns, _cells(row), strict=True)) for row in table.rows]
    sentences(rows, title=table.title or title)


def _cells(row: Row) -> list[str]:
    *cells, last = row.cells
    return [*cells, last if row.more is None else f"{last} {row.more.name}: {row.more.text}"]
