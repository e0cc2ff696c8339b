"""Checks that the threat model names a test for each claim, and that each test exists."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.fixtures.docs.pages import ROOT

PAGE = ROOT / "docs/security/threat-model.md"
CLAIM = re.compile(r"^\| (?P<claim>[^|]+) \| (?P<tests>`tests/[^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
CLAIMS = [(found["claim"], NAMED.findall(found["tests"])) for found in CLAIM.finditer(PAGE.read_text(encoding="utf-8"))]


def test_the_page_makes_claims() -> None:
    assert len(CLAIMS) > 10


@cache
def functions(file: str) -> set[str]:
    if not (ROOT / file).exists():
        return set()
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_claim_names_tests_that_exist() -> None:
    unproved = [f"{claim}: no test is named" for claim, tests in CLAIMS if not tests]
    named = [(claim, file, test) for claim, tests in CLAIMS for file, test in tests]
    missing = [f"{claim}: {file} has no {test}" for claim, file, test in named if test not in functions(file)]
    assert unproved + missing == []
