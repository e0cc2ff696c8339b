"""Reads from source text which module imports which: at import time, inside functions, and by a registry's folder."""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("fairtrial", "fairtrial_cli", "gateway", "evaluators", "dashboard")
"""The packages of the product."""


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file, and the modules of the same tree that it imports."""

    name: str
    path: Path
    tree: ast.Module
    text: str
    at_import: frozenset[str] = frozenset()
    in_functions: frozenset[str] = frozenset()

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def read_modules(
    root: Path, packages: Iterable[str], *, tree_of: Callable[[Path], ast.Module] = parsed
) -> dict[str, Module]:
    """Every module below the packages, with its imports of the others, by dotted name."""
    files = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    texts = {_dotted(path.relative_to(root)): (path, path.read_text(encoding="utf-8")) for path in files}
    gc.disable()  # it would walk the growing trees again and again, which takes three quarters of the time
    trees = {name: tree_of(path) for name, (path, _) in texts.items()}
    gc.enable()
    modules = {}
    for name, (path, text) in texts.items():
        module = Module(name, path, trees[name], text)
        at_import, in_functions = set[str](), set[str]()
        for statement, deferred in imports_in(module.tree):
            (in_functions if deferred else at_import).update(targets_of(statement, module, trees))
        modules[name] = Module(
            name, path, module.tree, text, frozenset(at_import - {name}), frozenset(in_functions - {name})
        )
    return modules


def imports_of(modules: Mapping[str, Module], *, in_functions: bool) -> dict[str, set[str]]:
    """The import graph."""
    return {
        name: {*module.at_import, *(module.in_functions if in_functions else ())} for name, module in modules.items()
    }


def importers(imports: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """The same graph with its edges turned round."""
    reverse: dict[str, set[str]] = {name: set() for name in imports}
    for name, targets in imports.items():
        for target in targets:
            reverse.setdefault(target, set()).add(name)
    return reverse


def is_type_checking(statement: ast.stmt) -> bool:
    """Whether the statement is ``if TYPE_CHECKING:``, whose body never runs."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_in(tree: ast.AST, *, deferred: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Each import that can run, and whether it waits for a function's call."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, deferred
        elif isinstance(node, ast.stmt) and is_type_checking(node):
            for other in getattr(node, "orelse", ()):
                yield from imports_in(other, deferred=deferred)
        elif not isinstance(node, ast.expr):
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from imports_in(node, deferred=deferred or inside)


def targets_of(statement: ast.Import | ast.ImportFrom, module: Module, known: Mapping[str, ast.Module]) -> set[str]:
    if isinstance(statement, ast.Import):
        return {alias.name for alias in statement.names if alias.name in known}
    base = statement.module or ""
    if statement.level:
        is_package = module.path.name == "__init__.py"
        parts = module.name.split(".")
        parents = parts[: len(parts) - statement.level + is_package]
        base = ".".join([*parents, *([base] if base else [])])
    found = set()
    for alias in statement.names:
        submodule = f"{base}.{alias.name}"
        found.add(submodule if submodule in known else base)
    return found & known.keys()
