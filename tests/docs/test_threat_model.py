"""Checks that the threat model names a test for each claim, and that each test exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.fixtures.docs.pages import ROOT

PAGE = ROOT / "docs/security/threat-model.md"
CLAIM = re.compile(r"^\| (?P<claim>[^|]+) \| (?P<tests>`tests/[^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
CLAIMS = [(found["claim"], NAMED.findall(found["tests"])) for found in CLAIM.finditer(PAGE.read_text(encoding="utf-8"))]


def test_the_page_makes_claims() -> None:
    assert len(CLAIMS) > 10


@pytest.mark.parametrize(("claim", "tests"), CLAIMS, ids=[claim for claim, _ in CLAIMS])
def test_each_claim_names_tests_that_exist(claim: str, tests: list[tuple[str, str]]) -> None:
    assert tests
    for file, test in tests:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert test in names, f"{file} has no {test}"
