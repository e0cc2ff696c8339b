"""Counts the statements, lines, headers and docstrings of Python files."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from scripts.import_graph import PACKAGES, Module, importers, imports_of, is_type_checking

SMALL = 60
"""A module with fewer lines and one importer, tests apart, could stand in its importer."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of some files. A header is the module's docstring and its imports, with the lines between them."""

    modules: int = 0
    statements: int = 0
    lines: int = 0
    header_lines: int = 0
    docstring_lines: int = 0
    small_modules: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def header_share(self) -> float:
        return self.header_lines / self.lines if self.lines else 0.0


def counts_by_package(modules: Mapping[str, Module]) -> dict[str, Counts]:
    """The size of each package. Empty files do not count as modules."""
    incoming = importers(imports_of(modules, in_functions=True))
    found: dict[str, Counts] = {}
    for name, module in modules.items():
        users = [other for other in incoming[name] if modules[other].package in (module.package, *PACKAGES)]
        counts = count(module.text, module.tree, single_importer=len(users) == 1)
        found[module.package] = found.get(module.package, Counts()) + counts
    return found


def count(text: str, tree: ast.Module, *, single_importer: bool = False) -> Counts:
    """The size of one file."""
    lines = len(text.splitlines())
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    constants = [node for node in statements if _is_constant(node)]
    return Counts(
        modules=int(lines > 0),
        statements=len(statements) - len(constants),
        lines=lines,
        header_lines=_header_lines(tree),
        docstring_lines=sum(_length(node) for node in constants if isinstance(_value(node), str)),
        small_modules=int(single_importer and 0 < lines < SMALL),
    )


def _is_constant(node: ast.stmt) -> bool:
    """Whether the statement does nothing: a docstring, a comment in a string, or ``...``."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _value(node: ast.stmt) -> object:
    return node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _header_lines(tree: ast.Module) -> int:
    """The lines up to the last import before the first statement that is none."""
    header = takewhile(_belongs_to_header, tree.body)
    return max((node.end_lineno or node.lineno for node in header), default=0)


def _belongs_to_header(node: ast.stmt) -> bool:
    return isinstance(_value(node), str) or isinstance(node, ast.Import | ast.ImportFrom) or is_type_checking(node)
