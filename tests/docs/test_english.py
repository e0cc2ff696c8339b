"""Checks that pages are plain English: short sentences, and no phrase of a list."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.docs import english
from tests.fixtures.docs.english import Passage
from tests.fixtures.docs.pages import ROOT, name, pages

ALSO = [ROOT / "CHANGELOG.md", *sorted((ROOT / "examples").rglob("*.md"))]
"""Pages outside the documentation that users read."""


def on_page(page: Path) -> list[Passage]:
    return english.markdown(page.read_text(encoding="utf-8"))


def problems_of(page: Path) -> list[str]:
    passages = on_page(page)
    problems, counts = english.faults(passages), english.lengths(passages)
    if len(counts) >= english.ENOUGH_TO_AVERAGE and english.average(counts) > english.MOST_ON_AVERAGE:
        problems.append(f"{english.average(counts):.1f} words a sentence, {english.MOST_ON_AVERAGE} allowed on average")
    return problems


def test_every_page_reads_well() -> None:
    problems = [f"{name(page)}: {problem}" for page in [*pages(), *ALSO] for problem in problems_of(page)]
    assert not problems, "\n".join(problems)


def test_short_pages_read_well_together() -> None:
    every = [english.lengths(on_page(page)) for page in pages()]
    short = [count for counts in every if len(counts) < english.ENOUGH_TO_AVERAGE for count in counts]
    assert english.average(short) <= english.MOST_ON_AVERAGE


def test_sentences_are_split_as_a_reader_would() -> None:
    text = "A `first` one, e.g. this. `Second` ends here (it does). See [the third](x.md#a.b)! 4 is last"
    assert english.sentences(text) == [
        "A Code one, e.g. this.",
        "Code ends here (it does).",
        "See the third!",
        "4 is last",
    ]


def test_cells_items_and_paragraphs_are_judged_apart() -> None:
    items = "- an item\n  goes on\n- `a`, `b` and `c`\n\n"
    page = f"# Title\n\nOne\nparagraph:\n{items}| x | y |\n|---|---|\n\n```sh\nno\n```\n"
    assert [(one.line, one.text, one.prose) for one in english.markdown(page)] == [
        (1, "Title", False),
        (3, "One paragraph:", True),
        (5, "an item goes on", True),
        (7, "`a`, `b` and `c`", True),
        (9, "x", False),
        (9, "y", False),
    ]
    assert english.lengths(english.markdown(page)) == [2, 4, 1]


def test_a_long_sentence_and_a_private_phrase_are_faults() -> None:
    long = " ".join(["word"] * 31) + "."
    assert len(english.faults([Passage(1, f"{long} Whoever reads this is told. It is no JSON.")])) == 4
    assert english.faults([Passage(1, "There is no verdict yet. It is no longer kept. `whoever`")]) == []
