"""Renders docs/reference/promises.md: the numbers that decide, from `fairtrial/domain/promises.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fairtrial.domain import promises
from fairtrial.domain.wording import duration_words
from scripts.reference.markdown import code, page, table

INTRO = """\
These numbers decide what is better, worse or not known, for how long evidence counts, and how a command ends. The
program imports each one from `fairtrial/domain/promises.py`, and this page is generated from that file. *fairtrial's
choice* means that no publication gives the number. Where a file can state another value, the number is its default."""
SOURCE = "Source: "
HEADS = ("name", "value", "what it decides", "source")


class Promise(NamedTuple):
    """One number: the ``section`` of the file that has it, and the two parts of its docstring."""

    section: str
    name: str
    meaning: str
    source: str

    @property
    def value(self) -> str:
        value = getattr(promises, self.name)
        if self.name.endswith("_US"):
            return duration_words(value / 1e6)
        if self.name.endswith("_SECONDS"):
            return duration_words(value)
        return _in_words(value)


def promised() -> Iterator[Promise]:
    """Every constant of the file, in its order."""
    text = Path(promises.__file__).read_text(encoding="utf-8")
    sections = {number: line[2:] for number, line in enumerate(text.splitlines(), 1) if line.startswith("# ")}
    body = ast.parse(text).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            meaning, _, source = _docstring(after).partition(SOURCE)
            section = max(number for number in sections if number < node.lineno)
            yield Promise(sections[section], ast.unparse(target), meaning.strip(), source.rstrip("."))


def promises_page() -> str:
    """The page."""
    rows = list(promised())
    sections = dict.fromkeys(row.section for row in rows)
    return page("Numbers that decide", INTRO, *(_section(name, rows) for name in sections))


def _section(name: str, rows: list[Promise]) -> str:
    own = [row for row in rows if row.section == name]
    return f"## {name}\n\n{table(HEADS, ((code(row.name), row.value, row.meaning, row.source) for row in own))}"


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    if isinstance(value, tuple):
        return ", ".join(" → ".join(each) if isinstance(each, tuple) else str(each) for each in value)
    return f"{value:.3g}"
