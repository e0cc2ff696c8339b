"""The page of the conformance list: a row for every test, what became of it, and the differences that are allowed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scripts.reference.markdown import table
from tests.conformance.allowed import ALLOWED
from tests.conformance.environments import LOCK, ROOT

PAGE = ROOT / "docs/conformance.md"
FOLDER = Path(__file__).parent
NAME = re.compile(r"test_([a-d])(\d*)(?:_to_[a-d](\d+))?_(.+)")
TITLES = {
    "A": "Errors become the client's exceptions",
    "B": "Whole answers",
    "C": "Streams",
    "D": "Responses",
}
HEAD = """\
# Conformance

What an application sees through the gateway is what it sees straight from the provider. Each case runs twice, straight
to a fake upstream and through the gateway in front of it, with real processes on real sockets, and both are compared:
what the client returns or raises, the bytes and headers on the wire, and what the upstream was sent. The gateway runs
with keys on and records everything.

The clients are OpenAI's own, {clients}, each synchronous and asynchronous, and plain sockets where no client shows the
difference. The fake upstream is `tests/upstream`: scripted by the request, it records what it saw to the byte.

This page is made by `python -m tests.conformance`, which runs all of it.
"""
ALLOWED_HEAD = """\
## What may differ

This list is all of it; a difference that is not here fails a test."""


class Row(NamedTuple):
    """One test: its file and name, and what the table calls it."""

    key: str
    ident: str
    title: str


def rows() -> list[Row]:
    """A row for every test of the list, in the list's order."""
    found = []
    for path in sorted(FOLDER.glob("test_[a-d]_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            named = NAME.fullmatch(getattr(node, "name", ""))
            if named is not None and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                letter, first, last, words = named.groups()
                ident = letter.upper() + first + (f"–{last}" if last else "")
                found.append(Row(f"{path.name}::{node.name}", ident, words.replace("_", " ")))
    return sorted(found, key=lambda row: (row.ident[0], int("0" + row.ident[1:].partition("–")[0] or "0")))


def page(outcomes: dict[str, list[tuple[str, str]]]) -> str:
    """The page, from each test's outcomes: ``passed``, ``skipped`` or ``failed``, with the reason."""
    parts = [HEAD.format(clients=clients())]
    for letter, title in TITLES.items():
        cells = (
            (row.ident, row.title, *verdict(outcomes.get(row.key, []))) for row in rows() if row.ident[0] == letter
        )
        parts += [f"## {letter}. {title}\n", table(("id", "what", "result", "cases"), cells) + "\n"]
    allowed = ((one.where, one.what, one.why) for one in ALLOWED)
    return "\n".join([*parts, ALLOWED_HEAD, "", table(("where", "what", "why"), allowed)]) + "\n"


def verdict(outcomes: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The result in a word or two, and the number of cases that ran."""
    counted = Counter(kind for kind, _ in outcomes)
    ran = counted["passed"] + counted["failed"]
    reasons = sorted({why for kind, why in outcomes if kind != "passed" and why})
    if counted["failed"]:
        word = "FAIL"
    elif counted["passed"]:
        word = "PASS"
    else:
        word = "SKIP" if counted else "NOT RUN"
    return word + (f" ({counted['skipped']} skipped: {'; '.join(reasons)})" if counted["skipped"] else ""), str(ran)


def clients() -> str:
    """The versions of both clients, as they are locked."""
    return " and ".join(
        re.search(r"^openai==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE).group(1)  # type: ignore[union-attr]
        for lock in (LOCK, ROOT / "requirements/dev.lock")
    )
