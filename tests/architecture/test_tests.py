"""Tests stand where their source stands, and share helpers through `tests/fixtures` instead of each other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.paths import ROOT

TESTS = ROOT / "tests"
UNIT = TESTS / "unit"
FILES = sorted(path for place in ("tests", "benchmarks", "scripts") for path in (ROOT / place).rglob("*.py"))
NAMED = re.compile(r"(?<!def )\b(conftest|test_\w+)")
UNIT_FOLDERS = sorted({path.parent for path in UNIT.rglob("*.py")} - {UNIT})


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(source: str) -> Iterator[str]:
    """Each module that a source text may import, and each name that it takes from one, as dotted paths."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def from_tests(source: str) -> list[str]:
    """The test files and conftests that a source text imports. A text that names none is not parsed."""
    if not NAMED.search(source):
        return []
    parts = {path: path.lstrip(".").split(".") for path in imported(source) if path.startswith((".", "tests."))}
    return [
        path
        for path, names in parts.items()
        if any(one == "conftest" for one in names) or (names[0] == "tests" and _is_test_file(names))
    ]


def _is_test_file(names: list[str]) -> bool:
    """Whether a dotted path is, or leads into, a file whose tests pytest collects."""
    return any(
        part.startswith("test_") and (ROOT / Path(*names[: at + 1])).with_suffix(".py").is_file()
        for at, part in enumerate(names)
    )


def test_no_file_imports_a_test_file_or_a_conftest() -> None:
    """What several tests need belongs in tests/fixtures."""
    found = {name(path): from_tests(path.read_text()) for path in FILES}
    assert {path: imports for path, imports in found.items() if imports} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from tests.architecture.test_tests import name",
        "from tests.architecture import test_tests",
        "import tests.architecture.test_tests",
        "from tests.e2e.conftest import browser",
        "from .conftest import browser",
        "def later():\n    from tests.e2e import conftest",
    ],
)
def test_an_import_of_a_test_file_would_be_seen(source: str) -> None:
    assert from_tests(source) != []


def test_each_folder_of_unit_tests_is_a_folder_of_the_source() -> None:
    assert [name(folder) for folder in UNIT_FOLDERS if not (ROOT / folder.relative_to(UNIT)).is_dir()] == []
