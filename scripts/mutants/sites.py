"""Finds the places of a Python file where one small change makes a mutant."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.import_graph import is_type_checking

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: (r"\*\*", "*"),
    ast.MatMult: ("@", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: (r"\|", "&"),
    ast.BitXor: (r"\^", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
NEGATED_BY_SWAP = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)

TEXTS_FOR_READERS = {"help", "short_help", "epilog", "metavar", "show_default"}
"""Keywords of help texts. Strings with a space are left out, too: they are prose, or SQL that any change breaks."""

LAYOUT = {"frozen", "slots", "gc"}
"""Keywords of record types that set the layout in memory and what the type checker allows."""

NAMES_OF_TYPES = {"cast", "TypeVar", "ParamSpec", "NewType"}
"""Functions whose first argument is the name of a type, for the type checker alone."""


@dataclass(frozen=True, slots=True)
class Site:
    """A change of one span of bytes."""

    operator: str
    start: int
    end: int
    replacement: str

    def applied(self, source: bytes) -> bytes:
        """The mutated file."""
        return source[: self.start] + self.replacement.encode() + source[self.end :]


def sites_in(source: bytes) -> list[Site]:
    """Every site of a file, in the order of the text. Annotations, docstrings and f-strings have none."""
    return sorted(set(_Finder(source).sites(ast.parse(source))), key=lambda site: (site.start, site.end, site.operator))


class _Finder:
    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = [0, *(match.end() for match in re.finditer(rb"\n", source))]

    def sites(self, node: ast.AST) -> Iterator[Site]:
        if isinstance(node, ast.stmt) and is_type_checking(node):
            return
        yield from self._of(node)
        for child in self._children(node):
            yield from self.sites(child)

    def _children(self, node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, ast.JoinedStr) or _is_type(node):
            return
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_inert(node, child):
                    yield child
        if isinstance(node, ast.ClassDef):  # constraints such as `Annotated[int, Meta(ge=0)]` act on what is read
            for field in node.body:
                if isinstance(field, ast.AnnAssign):
                    yield from (call for call in ast.walk(field.annotation) if isinstance(call, ast.Call))

    def _of(self, node: ast.AST) -> Iterator[Site]:
        match node:
            case ast.Compare():
                for left, operator, right in zip(
                    [node.left, *node.comparators], node.ops, node.comparators, strict=False
                ):
                    yield from self._swap("comparison", left, right, *COMPARISONS[type(operator)])
            case ast.BoolOp():
                swap = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
                for left, right in zip(node.values, node.values[1:], strict=False):
                    yield from self._swap("and/or", left, right, *swap)
            case ast.BinOp() if not _is_type(node):
                yield from self._swap("arithmetic", node.left, node.right, *ARITHMETIC[type(node.op)])
            case ast.AugAssign():
                yield from self._swap("arithmetic", node.target, node.value, *ARITHMETIC[type(node.op)])
            case ast.UnaryOp(op=ast.Not()):
                yield self._site("drop not", node, self._text(node.operand))
            case ast.Return(value=ast.expr()) if not _is_none(node.value):
                yield self._site("return None", node, "return None")
            case ast.Break():
                yield self._site("loop", node, "continue")
            case ast.Continue():
                yield self._site("loop", node, "break")
            case ast.Constant():
                yield from self._constant(node)
            case _:
                pass
        for condition in _conditions(node):
            if not _is_negated_by_another(condition):
                yield self._site("negation", condition, f"(not ({self._text(condition)}))")

    def _constant(self, node: ast.Constant) -> Iterator[Site]:
        value = node.value
        if isinstance(value, bool):
            yield self._site("constant", node, str(not value))
        elif isinstance(value, int | float):
            yield self._site("constant", node, repr(value + 1))
        elif isinstance(value, str) and not re.search(r"\s", value):
            yield self._site("constant", node, _quoted(repr(f"XX{value}")))
        elif isinstance(value, bytes) and not re.search(rb"\s", value):
            yield self._site("constant", node, _quoted(repr(b"XX" + value)))

    def _swap(self, name: str, left: ast.expr, right: ast.expr, pattern: str, replacement: str) -> Iterator[Site]:
        """The operator between two operands, of which the syntax tree keeps no position."""
        start, end = self._end(left), self._start(right)
        between = re.sub(rb"#.*", lambda comment: b" " * len(comment[0]), self._source[start:end])
        if word := re.search(
            rf"(?<!\w){pattern}(?!\w)" if pattern[0].isalpha() else pattern, between.decode("latin-1")
        ):
            yield Site(name, start + word.start(), start + word.end(), replacement)

    def _site(self, name: str, node: ast.expr | ast.stmt, replacement: str) -> Site:
        return Site(name, self._start(node), self._end(node), replacement)

    def _text(self, node: ast.expr) -> str:
        return self._source[self._start(node) : self._end(node)].decode()

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)


def _quoted(literal: str) -> str:
    """The literal with double quotes, as the formatter writes it."""
    return literal.replace("'", '"') if '"' not in literal else literal


def _conditions(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.If() | ast.While() | ast.IfExp():
            return [node.test]
        case ast.comprehension():
            return node.ifs
    return []


def _is_negated_by_another(condition: ast.expr) -> bool:
    """Whether a swapped comparison or a dropped ``not`` is the same mutant as the negation."""
    if isinstance(condition, ast.Compare):
        return len(condition.ops) == 1 and isinstance(condition.ops[0], NEGATED_BY_SWAP)
    return isinstance(condition, ast.Constant) or (
        isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not)
    )


def _is_inert(parent: ast.AST, child: ast.AST) -> bool:
    """Whether the child is text for readers or for the type checker."""
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True
    if isinstance(child, ast.keyword):
        return child.arg in TEXTS_FOR_READERS | LAYOUT
    if isinstance(parent, ast.Call):
        return parent.args[:1] == [child] and _last_name(parent.func) in NAMES_OF_TYPES
    return False


def _is_type(node: ast.AST) -> bool:
    """Whether an expression is a union of types or a ``Literal``, which no operator can change sensibly."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and all(
            _is_none(side) or _is_type(side) or _names_type(side) for side in (node.left, node.right)
        )
    return isinstance(node, ast.Subscript) and _last_name(node.value) == "Literal"


def _names_type(node: ast.expr) -> bool:
    name = _last_name(node.value if isinstance(node, ast.Subscript) else node)
    is_class = name[:1].isupper() and not name.isupper()
    return is_class or name in ("str", "int", "float", "bool", "bytes", "list", "dict", "tuple", "set", "frozenset")


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
