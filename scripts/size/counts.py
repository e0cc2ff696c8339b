"""Counts statements, lines, headers and docstrings of Python files, and the logic of a package in all its languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from scripts.import_graph import PACKAGES, Module, importers, imports_of, is_type_checking

SMALL = 60
"""A module with fewer lines and one importer, tests apart, could stand in its importer."""


SQL = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|MERGE|COPY|ATTACH)\b")
"""How the text of a constant begins that holds SQL."""
OTHER_LANGUAGES = {"script_lines": "*.js", "sql_lines": "*.sql", "template_lines": "*.html"}
"""The files of a package whose lines are logic. Its only HTML files are templates."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of some files. A header is the module's docstring and its imports, with the lines between them.

    ``logic_statements``: the statements without imports and field declarations. ``sql_lines``, ``script_lines`` and
    ``template_lines``: the lines that are not blank, of SQL files and constants, of JavaScript and of templates.
    """

    modules: int = 0
    statements: int = 0
    lines: int = 0
    header_lines: int = 0
    docstring_lines: int = 0
    small_modules: int = 0
    logic_statements: int = 0
    sql_lines: int = 0
    script_lines: int = 0
    template_lines: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def logic(self) -> int:
        """Statements and lines that do something: a declared field saves a reader, and an import does nothing."""
        return self.logic_statements + self.sql_lines + self.script_lines + self.template_lines

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


def files_in_other_languages(folder: Path) -> Counts:
    """The lines of a package's files that are not Python."""
    lines = {name: sum(map(_written_lines, _texts(folder, files))) for name, files in OTHER_LANGUAGES.items()}
    return replace(Counts(), **lines)


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
        logic_statements=len(statements) - len(constants) - sum(map(_imports, statements)) - _declared_fields(tree),
        sql_lines=sum(map(_written_lines, _sql_of_constants(tree))),
    )


def _imports(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _declared_fields(tree: ast.Module) -> int:
    """The annotated names in the bodies of classes."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return sum(isinstance(member, ast.AnnAssign) for node in classes for member in node.body)


def _sql_of_constants(tree: ast.Module) -> Iterator[str]:
    """The SQL texts in the values of a module's constants."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            yield from filter(SQL.match, _strings(statement.value))


def _strings(node: ast.AST) -> Iterator[str]:
    """The texts in an expression; what an f-string inserts is on the line where it stands."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from _strings(child)


def _texts(folder: Path, files: str) -> Iterator[str]:
    return (path.read_text(encoding="utf-8") for path in folder.rglob(files))


def _written_lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


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
