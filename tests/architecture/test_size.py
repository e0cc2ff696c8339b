"""Files under 300 lines, functions under 51, empty `__init__` files, and every module says what it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.fixtures.paths import ROOT

PACKAGES = ("fairtrial", "fairtrial_cli", "gateway", "evaluators", "dashboard")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = [path for path in SOURCES if path.name != "__init__.py"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_a_house_to_measure() -> None:
    assert len(MODULES) > 40


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_file_is_one_idea_of_at_most_299_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 300, f"{name(path)} needs a second file"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_file_begins_with_the_sentence_that_says_what_it_is(path: Path) -> None:
    sentence = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
    assert sentence.rstrip().endswith((".", ":")), f"{name(path)} has no first sentence"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_function_is_one_step_of_at_most_50_lines(path: Path) -> None:
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 50
    ]
    assert not long, f"{name(path)}: {', '.join(long)}"


def test_init_files_are_empty() -> None:
    filled = [name(path) for path in SOURCES if path.name == "__init__.py" and path.read_text().strip()]
    assert not filled


def test_no_broad_except_without_its_sentence_of_why() -> None:
    bare = []
    for path in MODULES:
        lines = path.read_text().splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if broad and "noqa: BLE001 -" not in lines[node.lineno - 1] and "raise" not in ast.dump(node).lower():
                bare.append(f"{name(path)}:{node.lineno}")
    assert not bare


REGISTRIES = (
    "fairtrial_cli/commands",
    "gateway/control/routers",
    "evaluators/scoring/metrics",
    "evaluators/reports",
    "evaluators/training_data/checks",
    "evaluators/training_data/formats",
)
"""Folders whose modules are members of one kind, found by their names: they may be as many as there are members."""


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=name)
def test_a_folder_holds_at_most_12_modules(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert name(folder) in REGISTRIES or len(modules) <= 12, f"{name(folder)} has {len(modules)} modules"
