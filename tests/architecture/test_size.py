"""Files under 300 lines, functions under 51, empty `__init__` files, and every module says what it is."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scripts.import_graph import Module
from scripts.size.record_twins import record_twins
from tests.fixtures.paths import ROOT, SOURCES
from tests.fixtures.source.trees import tree_of

MODULES = [path for path in SOURCES if path.name != "__init__.py"]
REGISTRIES = (
    "fairtrial_cli/commands",
    "fairtrial/api",
    "gateway/control/operations",
    "evaluators/scoring/metrics",
    "evaluators/gate/families",
    "evaluators/reports",
    "evaluators/probes/families",
    "evaluators/training_data/checks",
    "evaluators/training_data/formats",
)
"""Folders whose modules are members of one kind, found by their names: they may be as many as there are members."""

RECORD_TWINS, API_TWINS = 24, 45
"""Pairs of records that declare nearly the same fields, and those with a request or an answer of control's API.

Both numbers may only fall. `make size` counts them; `python -m scripts.size --json` names them.
"""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The name and the number of lines of each function."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield node.name, node.end_lineno - node.lineno + 1


def has_first_sentence(path: Path) -> bool:
    first = (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0]
    return first.rstrip().endswith((".", ":"))


def test_the_packages_have_modules_to_measure() -> None:
    assert len(MODULES) > 40


def test_every_file_has_at_most_299_lines() -> None:
    lines = {name(path): len(path.read_text().splitlines()) for path in MODULES}
    assert [f"{file}: {count} lines" for file, count in lines.items() if count > 299] == []


def test_every_file_begins_with_a_sentence_that_says_what_it_is() -> None:
    assert [name(path) for path in MODULES if not has_first_sentence(path)] == []


def test_every_function_has_at_most_50_lines() -> None:
    lengths = {name(path): list(functions(path)) for path in MODULES}
    long = [f"{file}: {function} has {n} lines" for file, each in lengths.items() for function, n in each if n > 50]
    assert long == []


def test_init_files_are_empty() -> None:
    filled = [name(path) for path in SOURCES if path.name == "__init__.py" and path.read_text().strip()]
    assert not filled


def test_every_broad_except_has_its_reason() -> None:
    bare = []
    for path in MODULES:
        lines = path.read_text().splitlines()
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if broad and "noqa: BLE001 -" not in lines[node.lineno - 1] and "raise" not in ast.dump(node).lower():
                bare.append(f"{name(path)}:{node.lineno}")
    assert not bare


def test_every_folder_holds_at_most_15_modules() -> None:
    modules = Counter(name(path.parent) for path in MODULES)
    full = {folder: count for folder, count in modules.items() if count > 15 and folder not in REGISTRIES}
    assert [f"{folder}: {count} modules" for folder, count in full.items()] == []


def test_no_more_records_declare_the_same_fields() -> None:
    modules = {name(path): name(path).removesuffix(".py").replace("/", ".") for path in MODULES}
    pairs = record_twins(
        {file: Module(dotted, ROOT / file, tree_of(ROOT / file), "") for file, dotted in modules.items()}
    )
    counts = Counter(pair.in_api for pair in pairs)
    assert (counts[False] <= RECORD_TWINS, counts[True] <= API_TWINS) == (True, True), counts
