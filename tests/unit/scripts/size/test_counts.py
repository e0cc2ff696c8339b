"""Statements are counted without what does nothing, and a header ends with the last import."""

from __future__ import annotations

import ast
from pathlib import Path

from scripts.import_graph import read_modules
from scripts.size.counts import count, counts_by_package, files_in_other_languages

SOURCE = '''"""The module."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 3
"""What the limit is for."""


class Reader:
    """Reads.

    And more.
    """

    def read(self, path: Path) -> str:
        """Reads it."""
        return path.read_text()[:LIMIT]

    def close(self) -> None: ...
'''


def test_a_docstring_and_an_ellipsis_are_no_statements() -> None:
    counts = count(SOURCE, ast.parse(SOURCE))
    assert counts.statements == len(
        ["from", "from", "if", "from", "LIMIT", "class", "def read", "return", "def close"],
    )
    assert counts.docstring_lines == 1 + 1 + 4 + 1


def test_a_header_ends_with_the_last_import_and_contains_those_for_types() -> None:
    assert count(SOURCE, ast.parse(SOURCE)).header_lines == SOURCE[: SOURCE.index("\nLIMIT")].count("\n")


def test_a_module_is_small_if_it_is_short_and_has_one_importer_apart_from_tests(tmp_path: Path) -> None:
    for name, text in {
        "shop/__init__": "",
        "shop/once": "A = 1\n",
        "shop/twice": "B = 2\n",
        "shop/long": "C = 3\n" * 60,
        "shop/main": "from shop import once, long, twice\n",
        "shop/other": "import shop.twice\n",
        "tests/test_once": "import shop.once\n",
    }.items():
        (tmp_path / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text(text)
    counts = counts_by_package(read_modules(tmp_path, ["shop", "tests"]))["shop"]
    assert (counts.modules, counts.small_modules) == (5, 1)


QUERIES = '''import json
from dataclasses import dataclass

WORDS = "Select one"
ROWS = """
SELECT a,

    b
FROM t
"""
CHANGES: dict[str, str] = {"old": f"DELETE FROM {WORDS} WHERE a = 1", "words": "none"}


@dataclass
class Row:
    a: int
    b: int = 0

    def total(self) -> int:
        limit: int = 3
        return min(self.a + self.b, limit)
'''


def test_logic_leaves_out_imports_and_fields_and_counts_the_lines_of_sql_in_constants() -> None:
    counts = count(QUERIES, ast.parse(QUERIES))
    assert counts.logic_statements == len(["WORDS", "ROWS", "CHANGES", "class", "def total", "limit", "return"])
    assert counts.sql_lines == len(["SELECT a,", "b", "FROM t", "DELETE"])
    assert counts.logic == 11


def test_logic_counts_the_lines_of_other_languages_that_are_not_blank(tmp_path: Path) -> None:
    for name, text in {
        "app/a.js": "let a = 1;\n\n// why\n",
        "app/deep/b.sql": "SELECT 1;\n",
        "app/page.html": "<p>\n  \n</p>\n",
        "app/style.css": "p {}\n",
        "app/notes.md": "words\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    counts = files_in_other_languages(tmp_path / "app")
    assert (counts.script_lines, counts.sql_lines, counts.template_lines) == (2, 1, 2)
    assert counts.logic == 5
