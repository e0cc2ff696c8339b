"""Finds pairs of record types that declare nearly the same fields."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from scripts.import_graph import Module

BASES = {"Struct", "BaseModel", "TypedDict", "NamedTuple"}
FEWEST_SHARED = 4
SHARE = 0.7
API = "fairtrial.api."


@dataclass(frozen=True, slots=True)
class Record:
    """A dataclass, a msgspec struct, a pydantic model or a typed dictionary, and the fields that it declares itself."""

    name: str
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Twins:
    """Two records with at least four fields in common, which are at least 70 % of the smaller one's."""

    first: str
    second: str
    shared: tuple[str, ...]

    @property
    def in_api(self) -> bool:
        """Whether one of them is a request or an answer of control's API."""
        return API in (self.first[: len(API)], self.second[: len(API)])


def record_twins(modules: Mapping[str, Module]) -> list[Twins]:
    """Every pair, the one with most fields in common first."""
    pairs = [
        Twins(one.name, other.name, tuple(sorted(shared)))
        for one, other in combinations(records(modules), 2)
        if len(shared := one.fields & other.fields) >= FEWEST_SHARED
        and len(shared) >= SHARE * min(len(one.fields), len(other.fields))
    ]
    return sorted(pairs, key=lambda pair: (-len(pair.shared), pair.first, pair.second))


def records(modules: Mapping[str, Module]) -> list[Record]:
    """Every record type that a module declares; a class that inherits from one is one, too."""
    classes = [
        (f"{module.name}.{node.name}", node)
        for module in modules.values()
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
    ]
    bases: dict[str, set[str]] = {}
    for _, node in classes:
        bases.setdefault(node.name, set()).update(_last_name(base) for base in node.bases)
        if any(_last_name(decorator) == "dataclass" for decorator in node.decorator_list):
            bases[node.name].add("BaseModel")
    record_names = _descendants(bases)
    return [Record(name, frozenset(_fields(node))) for name, node in classes if node.name in record_names]


def _descendants(bases: Mapping[str, Iterable[str]]) -> set[str]:
    """The names of the classes that inherit from a record type, directly or not."""
    found = set(BASES)
    while new := {name for name, parents in bases.items() if found & set(parents)} - found:
        found |= new
    return found


def _fields(node: ast.ClassDef) -> Iterable[str]:
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if "ClassVar" not in ast.unparse(statement.annotation):
            yield statement.target.id


def _last_name(expression: ast.expr) -> str:
    """``Struct`` for ``msgspec.Struct``, and ``Page`` for ``Page[Row]`` and ``Page(...)``."""
    while isinstance(expression, ast.Call | ast.Subscript):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    return expression.attr if isinstance(expression, ast.Attribute) else ast.unparse(expression)
