"""A page shows every text of a document's blocks, and none becomes markup."""

from __future__ import annotations

import json

import pyarrow as pa
from streamlit.testing.v1 import AppTest

from dashboard.components.formatting import plain
from tests.fixtures.dashboard.markup import drawn_markup, drawn_rows

EVIL = "<b>x</b> **y** ![i](http://example.invalid/i.png) | $z$"
SCRIPT = """
from dashboard.components.document import draw_blocks
from fairtrial.api.operation import Nothing
from fairtrial.api.verdicts import integrity
from fairtrial.document.values import (
    Action, Chart, Details, Fact, Facts, Heading, Interval, Note, Row, Sentence, Table, Texts
)
evil = {evil!r}
draw_blocks([
    Heading("heading " + evil), Sentence("sentence " + evil, mark="mark " + evil), Sentence("quiet " + evil, "quiet"),
    Note("bad " + evil, "bad"), Note("open " + evil), Facts.of([("name " + evil, "value " + evil)]),
    Table(("column",), (Row(("cell " + evil,), more=Fact("more " + evil, "rest " + evil)),)),
    Chart(("metric",), (Row(("accuracy " + evil,), interval=Interval(5, 2, 7, 100)),)),
    Texts((("old " + evil, "literal " + evil),)), Details("folded " + evil, (Sentence("inside " + evil),)),
    Action("label " + evil, "command", integrity, Nothing()),
])
"""
WORDS = (
    "heading",
    "sentence",
    "mark",
    "quiet",
    "bad",
    "open",
    "name",
    "value",
    "cell",
    "more",
    "rest",
    "accuracy",
    "old",
)


def test_a_page_shows_every_text_and_none_becomes_markup() -> None:
    page = AppTest.from_string(SCRIPT.format(evil=EVIL)).run(timeout=60)
    assert not page.exception
    shown = [*page.subheader, *page.markdown, *page.caption, *page.error, *page.warning]
    text = "\n".join(str(element.value) for element in shown)
    tables = "\n".join(cell for row in drawn_rows(page) for cell in row)
    ways = [(word, f"{word} {plain(EVIL)}" in text or f"{word} {EVIL}" in tables) for word in (*WORDS, "inside")]
    assert [word for word, is_shown in ways if not is_shown] == []
    assert EVIL not in text and "<b>" not in drawn_markup(page)
    assert [code.value for code in page.code] == [f"literal {EVIL}"]
    assert page.expander[0].label == f"folded {plain(EVIL)}"
    assert [note.value for note in page.error] == [f"bad {plain(EVIL)}"]


BOUNDS = """
from math import inf
from dashboard.components.document import draw_blocks
from fairtrial.document.values import Chart, Interval, Row
rows = (
    Row(("tuned", "as it is"), "good", Interval(5, 2, 7, 100, 9)),
    Row(("tuned", "prices are halved"), "open", Interval(8, 4, inf, 100, 9)),
    Row(("tuned", "answers are halved: saves nothing"), "bad"),
)
draw_blocks([Chart(("variant", "if"), rows, "requests a month"), Chart(("variant", "or"), rows)])
"""


def test_a_chart_with_an_axis_is_drawn_above_its_table_and_an_open_end_reaches_to_the_largest_number() -> None:
    page = AppTest.from_string(BOUNDS).run(timeout=60)
    assert not page.exception
    (chart,) = page.get("vega_lite_chart")
    assert '"title": "requests a month"' in json.dumps(json.loads(chart.proto.spec))
    table = pa.ipc.open_stream(chart.proto.datasets[0].data.data).read_all().to_pylist()
    assert [(row["name"], row["high"], row["answer"]) for row in table] == [
        ("tuned, as it is", 7, "good"),
        ("tuned, prices are halved", 9, "open"),
    ]
    assert len([row for row in drawn_rows(page) if "4 or more" in row]) == 2
