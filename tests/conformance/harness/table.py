"""Renders the conformance page: a row with the result of every test, and the allowed differences."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from scripts.reference.markdown import table
from tests.conformance.harness.allowed import ALLOWED
from tests.fixtures.locked_environment import lock_of
from tests.fixtures.paths import ROOT

PAGE = ROOT / "docs/conformance.md"
FOLDER = ROOT / "tests" / "conformance"
NAME = re.compile(r"test_([a-d])(\d*)(?:_to_[a-d](\d+))?_(.+)")
ROW = re.compile(r"^\| ([A-D]\d*(?:–\d+)?) \| (.+?) \| (.+?) \| (\d+) \|$", re.MULTILINE)
NOT_RUN = ("NOT RUN", "0")
TITLES = {
    "A": "Errors become the client's exceptions",
    "B": "Whole answers",
    "C": "Streams",
    "D": "Responses",
}
HEAD = """\
# Conformance

Through the gateway, an application sees what it sees directly from the provider. Each case runs twice, with real
processes on real sockets: directly against a fake upstream, and through the gateway in front of it. The test compares
what the client returns or raises, the bytes and headers on the wire, and what the upstream received. The gateway runs
with keys and records everything.

The clients are OpenAI's official ones for Python, {clients}, each synchronous and asynchronous, and its client for
Node. Plain sockets are used where no client shows the difference. The request scripts the fake upstream
(`tests/fixtures/upstream`), which records every byte that it receives.

`make conformance` runs every case with every client, and writes this page. A result counts the cases that ran, one for
each combination. `make test` runs every case too, but covers clients and protocols in pairs.
"""
ABSENT = """\
## What has no case

The gateway does not implement these yet:

- budgets and guardrails that block (part of A5 and A9);
- the gateway's rate limits (part of A7);
- batches and fine-tuning jobs, which pass through to one provider.

Two cases are elsewhere or missing:

- C15, a worker that stops, is in `tests/integration/load/test_drain.py`.
- D4, the compliance run of Open Responses, is in no package that could be locked."""
ALLOWED_HEAD = """\
## What may differ

This list is complete. A difference that is not listed fails a test."""


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
    """The page, from each test's outcomes: ``passed``, ``skipped`` or ``failed``, with the reason.

    A test without an outcome did not run, whatever an earlier page said of it.
    """
    parts = [HEAD.format(clients=clients())]
    for letter, title in TITLES.items():
        mine = [row for row in rows() if row.ident[0] == letter]
        results = (verdict(outcomes[row.key]) if row.key in outcomes else NOT_RUN for row in mine)
        cells = ((row.ident, row.title, *result) for row, result in zip(mine, results, strict=True))
        parts += [f"## {letter}. {title}\n", table(("id", "what", "result", "cases"), cells) + "\n"]
    allowed = ((one.where, one.what, one.why) for one in ALLOWED)
    return "\n".join([*parts, ALLOWED_HEAD, "", table(("where", "what", "why"), allowed), "", ABSENT]) + "\n"


def told() -> list[tuple[str, str, str, str]]:
    """The rows of the page as it is: id, title, result, cases."""
    return ROW.findall(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else []


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
        word = "SKIP"
    return word + (f" ({counted['skipped']} skipped: {'; '.join(reasons)})" if counted["skipped"] else ""), str(ran)


def clients() -> str:
    """The versions of both clients, as they are locked."""
    return " and ".join(
        re.search(r"^openai==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE).group(1)  # type: ignore[union-attr]
        for lock in (lock_of("openai2"), lock_of("dev"))
    )
