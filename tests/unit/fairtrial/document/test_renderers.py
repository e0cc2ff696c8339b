"""Every renderer shows every text of every kind of block, and none of it becomes markup."""

from __future__ import annotations

from html import unescape
from typing import get_args

import pytest

from fairtrial.api.operation import Nothing
from fairtrial.api.verdicts import integrity
from fairtrial.document.html import html
from fairtrial.document.markdown import markdown
from fairtrial.document.values import (
    Action,
    Block,
    Chart,
    Details,
    Document,
    Facts,
    Heading,
    Interval,
    Note,
    Row,
    Sentence,
    Table,
    Texts,
)
from fairtrial_cli.output.document import print_document

EVIL = "<script>evil</script>"
BLOCKS: tuple[Block, ...] = (
    Heading("heading one"),
    Sentence("sentence one", mark="MARK"),
    Note(f"note {EVIL}", "bad"),
    Facts.of((("fact name", "fact value"), ("left out", ""))),
    Table(("result", "why"), (Row(("fail", "too slow"), "bad"), Row(("pass", "fast"), "good")), ("why",), "2 rules"),
    Chart(("metric",), (Row(("accuracy",), interval=Interval(5, 2.25, 7.5, 100, -10, "points")),)),
    Texts((("old answer", "yes"), ("new answer", "no"))),
    Action("check it", "fairtrial verdict verify", integrity, Nothing()),
    Details("folded", (Sentence("inside"),)),
)
SHOWN = (
    "heading one", "sentence one", "MARK", "fact name", "fact value", "too slow", "fast", "accuracy", "5 points",
    "2.25 to 7.5 points", "-10 points", "100", "old answer", "yes", "new answer", "no", "check it",
    "fairtrial verdict verify", "folded", "inside", "the title",
)  # fmt: skip
DOCUMENT = Document("the title", BLOCKS)


def test_the_document_has_every_kind_of_block() -> None:
    assert {type(block) for block in BLOCKS} == set(get_args(Block)) and len(BLOCKS) <= 9


def test_every_renderer_shows_every_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_document(DOCUMENT)
    page = html(DOCUMENT, brand="test", made="now")
    for text in (capsys.readouterr().out, markdown(DOCUMENT), unescape(page)):
        assert [words for words in SHOWN if words not in text] == []
        assert "left out" not in text


def test_no_text_becomes_markup() -> None:
    assert "<script>" not in markdown(DOCUMENT) and "<script>" not in html(DOCUMENT, brand=EVIL, made="now")


def test_a_comment_folds_a_table_after_its_bad_rows() -> None:
    text = markdown(DOCUMENT)
    assert text.index("- **fail**: too slow") < text.index("<summary>2 rules</summary>") < text.index("| pass | fast |")
