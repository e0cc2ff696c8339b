"""Renders a document as Markdown for a comment. No text of it can become markup, HTML or a mention."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from fairtrial.document.values import (
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
START = re.compile(r"^(\d*)([-+=.)])")
"""The beginning of a line that could be an item of a list, a rule, or the underline of a heading."""
BACKTICKS = re.compile("`+")


def markdown(document: Document) -> str:
    """The Markdown text."""
    return "\n\n".join([f"## {safe(document.title)}", *_parts(document.blocks)]) + "\n"


def _parts(blocks: Iterable[Block]) -> Iterator[str]:
    """Texts between which an empty line belongs. Sentences that follow each other are one paragraph or one list."""
    for is_item, group in groupby(blocks, lambda block: block.item if isinstance(block, Sentence) else None):
        if is_item is None:
            for block in group:
                yield from _part(block)
        else:
            sentences = (_sentence(block) for block in group if isinstance(block, Sentence))
            yield _items(sentences) if is_item else "\n".join(sentences)


def _part(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"{'#' * (level + 2)} {safe(text)}"
        case Facts(facts):
            yield _items(f"{safe(fact.name)}: {safe(fact.text)}" for fact in facts)
        case Table():
            yield from _table(block)
        case Chart():
            yield from _table(block.as_table())
        case Texts(texts):
            for name, text in texts:
                yield _folded(name, [_literal(text)]) if name else _literal(text)
        case Action(label, command):
            yield f"{_begin(label)}: {safe(command)}"
        case Details(title, inner):
            yield _folded(title, _parts(inner))
        case Sentence():
            yield _sentence(block)
        case _:
            yield _begin(block.text)


def _sentence(sentence: Sentence) -> str:
    return f"**{safe(sentence.mark)}** {safe(sentence.text)}".rstrip() if sentence.mark else _begin(sentence.text)


def _table(table: Table) -> Iterator[str]:
    rows = "\n".join(f"| {' | '.join(_cells(row))} |" for row in table.rows)
    whole = f"| {' | '.join(map(safe, table.columns))} |\n{'|---' * len(table.columns)}|\n{rows}"
    fold = table.fold
    if fold is None:
        yield from _titled(table.title, whole)
        return
    for listed in fold.lists:
        found = [row for row in table.rows if row.state in listed.states]
        if found:
            yield from _titled(listed.title, _items(map(_short, found)))
    yield _folded(fold.summary, [whole])


def _titled(title: str, text: str) -> Iterator[str]:
    if title:
        yield f"### {safe(title)}"
    yield text


def _short(row: Row) -> str:
    """The first and the last cell of a row; the first one is left out if it is minor."""
    first, *_, last = _cells(row)
    return last if row.state == "quiet" else f"{first}: {last}"


def _cells(row: Row) -> list[str]:
    """The cells, the first of which is bold in a bad row."""
    cells = [*map(safe, row.cells)]
    if row.state == "bad":
        cells[0] = f"**{cells[0]}**"
    if row.more is not None:
        cells[-1] += f" *{safe(row.more.name)}:* {safe(row.more.text)}."
    return cells


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _folded(title: str, parts: Iterable[str]) -> str:
    """Only HTML starts in the summary, so Markdown's backslashes would be shown there."""
    summary = escape(_one_line(title), quote=False).replace("@", "&#64;")
    return "\n\n".join([f"<details><summary>{summary}</summary>", *parts, "</details>"])


def _literal(text: str) -> str:
    """The text as it is written, in a fence that it can't close."""
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in BACKTICKS.findall(text))])
    return f"{fence}\n{_encodable(text)}\n{fence}"


def _begin(text: str) -> str:
    """A safe text at the beginning of a line."""
    return START.sub(r"\1\\\2", safe(text))


def safe(text: str) -> str:
    """The text on one line, with all characters escaped that have a meaning in Markdown or HTML."""
    escaped = SPECIAL.sub(r"\\\1", _one_line(text))
    return escaped.replace(r"\<", "&lt;").replace(r"\>", "&gt;").replace(r"\&", "&amp;").replace(r"\@", "&#64;")


def _one_line(text: str) -> str:
    return " ".join(_encodable(text).split())


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
