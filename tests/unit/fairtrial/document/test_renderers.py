"""Every renderer shows every text of every kind of block, and none of it becomes markup."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    Fact,
    Facts,
    Fold,
    Heading,
    Interval,
    Listed,
    Note,
    Row,
    Sentence,
    Table,
    Texts,
)
from fairtrial_cli.output.document import print_document
from tests.fixtures.read_pages import Page, comment

EVIL = "<script>evil</script> | @x _y_ **z** <img src=x onerror=alert(1)> [red]`c` ~~d~~ [l](u) &amp; \\"
NUMBERS = ("5 points", "2.25 to 7.5 points", "-10 points", "100")
OF_A_FOLD = ("decided", "informative", "summary")
"""The texts that only a comment shows."""
ALLOWED = {
    *("h2", "h3", "h4", "p", "ul", "li", "strong", "em", "details", "summary", "pre", "code"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
"""The elements that Markdown may become."""


@dataclass
class Sample:
    """A document with hostile words in every text; ``texts`` has them, each of which begins with another word."""

    evil: str = EVIL
    texts: list[str] = field(default_factory=list)

    def text(self, word: str, *, first: bool = False) -> str:
        """``first``: the hostile words begin the text, and so perhaps a line."""
        made = (f"{self.evil} {word}" if first else f"{word} {self.evil}").strip()
        self.texts.append(made)
        return made

    def document(self) -> Document:
        return Document(self.text("title"), self.blocks())

    def blocks(self) -> tuple[Block, ...]:
        text, interval = self.text, Interval(5, 2.25, 7.5, 100, -10, "points")
        listed = (
            Listed(text("decided"), ("bad",)),
            Listed(text("informative"), ("quiet",)),
            Listed("empty", ("open",)),
        )
        rows = (
            Row((text("fail"), text("slow")), "bad", more=Fact(text("lacks"), text("cases"))),
            Row((text("pass"), text("fast")), "good"),
            Row((text("shown"), text("slice")), "quiet"),
        )
        return (
            Heading(text("heading")),
            Heading(text("below"), 2),
            Sentence(text("sentence"), mark=text("mark")),
            Sentence(text("plain", first=True)),
            Sentence(text("item"), item=True),
            Sentence(text("another"), item=True),
            Note(text("note", first=True), "bad"),
            Facts.of(((text("name"), text("value")), ("left out", ""))),
            Table((text("result"), text("why")), rows, ("why",), "", Fold(text("summary"), listed)),
            Table((text("column"),), (Row((text("cell"),)),), title=text("heads")),
            Chart((text("metric"),), (Row((text("accuracy"),), interval=interval),)),
            Texts(((text("old"), text("yes")), ("", text("unnamed")))),
            Action(text("label", first=True), text("command"), integrity, Nothing()),
            Details(text("folded"), (Sentence(text("inside")),)),
        )


def page_of(document: Document) -> Page:
    return Page(html(document, brand=EVIL, made=EVIL))


def shown_on_a_terminal(document: Document, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> str:
    patch.setenv("COLUMNS", "5000")
    print_document(document)
    return capsys.readouterr().out


def test_the_sample_has_every_kind_of_block_and_no_text_twice() -> None:
    sample = Sample()
    assert {type(block) for block in sample.document().blocks} == set(get_args(Block)) and len(get_args(Block)) <= 9
    assert len(sample.texts) == len({*sample.texts})


def test_a_terminal_shows_every_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample(f"{EVIL} \x1b[31m")
    shown = shown_on_a_terminal(sample.document(), capsys, monkeypatch)
    assert "\x1b" not in shown and "left out" not in shown
    texts = [text.replace("\x1b", r"\u001b") for text in sample.texts if not text.startswith(OF_A_FOLD)]
    assert [text for text in (*texts, *NUMBERS) if text not in shown] == []


def test_a_terminal_separates_each_part_by_one_empty_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(("column",), (Row(("cell",)),), title="heads")
    blocks = (Sentence("first"), Heading("part"), Sentence("second"), table, Details("folded", (Sentence("third"),)))
    shown = shown_on_a_terminal(Document("title", blocks), capsys, monkeypatch)
    assert shown == "title\nfirst\n\npart\nsecond\n\nheads\ncolumn\ncell\n\nfolded\nthird\n"


def test_a_comment_shows_every_text_and_none_becomes_markup() -> None:
    sample = Sample()
    page = comment(markdown(sample.document()))
    assert [text for text in (*sample.texts, *NUMBERS) if text not in page.all] == []
    assert {*page.tags} == ALLOWED and "left out" not in page.all and "empty" not in page.all


def test_a_page_shows_every_text_and_none_becomes_markup() -> None:
    sample = Sample()
    page = page_of(sample.document())
    texts = [text for text in sample.texts if not text.startswith(OF_A_FOLD)]
    assert [text for text in (*texts, *NUMBERS) if text not in page.all] == []
    assert {"script", "img"}.isdisjoint(page.tags) and "left out" not in page.all


@pytest.mark.parametrize("start", ["- a", "+ a", "1. a", "1) a", "---", "===", "# a", "> a", "    a", "@a", "```"])
def test_the_beginning_of_a_text_begins_no_other_block(start: str) -> None:
    blocks = (Sentence("before"), Sentence(start), Note(start), Sentence(start, item=True))
    page = comment(markdown(Document("title", blocks)))
    assert page.tags == ["h2", "p", "p", "ul", "li"]
    assert page.all.count(start.strip()) == 3


def test_a_comment_ends_a_fold_before_what_follows() -> None:
    fold = Details("a_b", (Texts((("", "``` </details> `````"),)),))
    page = comment(markdown(Document("title", (fold, Note("under_score"), Facts.of((("a", "b"),)), fold))))
    assert "under_score" in page.unfolded and "a_b" in page.all and "``` </details> `````" in page.all
    assert "\\" not in page.all and page.tags.count("details") == 2


def test_a_comment_has_single_empty_lines() -> None:
    text = markdown(Sample().document())
    assert "\n\n\n" not in text and text.endswith("\n") and not text.endswith("\n\n")


def test_a_comment_lists_rows_under_their_titles_before_it_folds_the_table() -> None:
    page = comment(markdown(Sample("").document()))
    rows = ["decided", "fail: slow lacks: cases.", "informative", "slice"]
    places = [page.unfolded.index(row) for row in rows]
    assert places == sorted(places) and "fast" not in page.unfolded and "shown" not in page.unfolded


def test_a_comment_lists_the_items_and_joins_other_sentences() -> None:
    blocks = (Sentence("one."), Sentence("two."), Sentence("three", item=True), Sentence("four", item=True))
    assert markdown(Document("title", blocks)) == "## title\n\none.\ntwo.\n\n- three\n- four\n"


def test_a_page_has_a_section_for_each_heading_and_marks_its_folded_table() -> None:
    document = Sample("").document()
    text, page = html(document, brand="b", made="m"), page_of(document)
    assert page.tags.count("section") == page.tags.count("h2") == 2 and page.open == []
    assert text.count('class="scroll findings"') == 1 and page.tags.count("th") == text.count('<th scope="col"')
