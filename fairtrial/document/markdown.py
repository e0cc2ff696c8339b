"""Renders a document as Markdown for a comment. No text of it can become markup, HTML or a mention."""

import re
from collections.abc import Iterable, Iterator

from fairtrial.document.values import (
    BAD,
    Action,
    Block,
    Chart,
    Details,
    Document,
    Facts,
    Heading,
    Row,
    Sentence,
    Table,
    Texts,
)

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@&])")
"""Characters that could start markup, mentions or HTML."""


def markdown(document: Document) -> str:
    """The Markdown text."""
    return "\n".join([f"## {safe(document.title)}", "", *_lines(document.blocks)]) + "\n"


def _lines(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield from ("", f"{'#' * (level + 2)} {safe(text)}", "")
        case Sentence(text, _, mark):
            yield (f"**{safe(mark)}** " if mark else "") + safe(text)
        case Facts(facts):
            yield from ("", *(f"- {safe(fact.name)}: {safe(fact.text)}" for fact in facts), "")
        case Table():
            yield from _table(block)
        case Chart():
            yield from _table(block.as_table())
        case Texts(texts):
            for name, text in texts:
                yield from _folded(name, ["", *(f"    {line}" for line in text.splitlines()), ""])
        case Action(label, command):
            yield f"{safe(label)}: {safe(command)}"
        case Details(title, inner):
            yield from _folded(title, _lines(inner))
        case _:
            yield safe(block.text)


def _table(table: Table) -> Iterator[str]:
    rows = [f"| {' | '.join(_cells(row))} |" for row in table.rows]
    lines = ["", f"| {' | '.join(map(safe, table.columns))} |", "|---" * len(table.columns) + "|", *rows, ""]
    if not table.summary:
        yield from lines
        return
    yield from ("", *(f"- {_cells(row)[0]}: {safe(row.cells[-1])}" for row in table.rows if row.state in BAD))
    yield from _folded(table.summary, lines)


def _cells(row: Row) -> list[str]:
    """The cells, the first of which is bold in a bad row."""
    first, *others = map(safe, row.cells)
    return [f"**{first}**" if row.state == "bad" else first, *others]


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{safe(title)}</summary>", *lines, "</details>")


def safe(text: str) -> str:
    """The text on one line, with all characters escaped that have a meaning in Markdown or HTML."""
    encodable = text.encode("utf-8", "replace").decode()
    escaped = SPECIAL.sub(r"\\\1", " ".join(encodable.split()))
    return escaped.replace(r"\<", "&lt;").replace(r"\>", "&gt;").replace(r"\&", "&amp;").replace(r"\@", "&#64;")
