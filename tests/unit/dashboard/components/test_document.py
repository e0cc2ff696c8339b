"""A page shows every text of a document's blocks, and none becomes markup."""

from __future__ import annotations

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
