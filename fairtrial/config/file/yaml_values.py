"""Converts YAML nodes to plain values by the core schema of YAML 1.2, within limits of number and depth."""

import math
from typing import Any

from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from fairtrial.domain.errors import Diagnostic

TAG = "tag:yaml.org,2002:"
MERGE = TAG + "merge"
TEXT = (TAG + "str", TAG + "timestamp")
LARGEST = 2**63
LONGEST_KEY = 1_000
MAPPING, SEQUENCE = TAG + "map", TAG + "seq"
DEPTH = 100
MOST_VALUES = 10_000
TOO_DEEP = "is nested too deeply"
REPEATED = f"its aliases repeat values until there are more than {MOST_VALUES:,}"
TOO_MANY = ("too many values", f"at most {MOST_VALUES:,} in a file; rows belong in a data file")


def pairs(node: MappingNode) -> list[tuple[Node, Node]]:
    """The keys and values of a mapping, as written."""
    return list(node.value)


def text_of(node: ScalarNode) -> str:
    """The text of a scalar, without its quotes."""
    return str(node.value)


class Values:
    """Builds each node only once, however many aliases refer to it."""

    def __init__(self, file: str, errors: list[Diagnostic]) -> None:
        self._file = file
        self._errors = errors
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()

    def of(self, node: Node) -> Any:
        if id(node) in self._open:
            return self._wrong(node, f"*{node.anchor} contains itself")
        if id(node) not in self._built:
            self._open.add(id(node))
            self._built[id(node)] = self._build(node)
            self._open.discard(id(node))
        return self._built[id(node)]

    def _build(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode) and node.tag == SEQUENCE:
            return [self.of(item) for item in node.value]
        if isinstance(node, MappingNode) and node.tag == MAPPING:
            return self._mapping(node)
        return self._wrong(node, f"the tag {_short(str(node.tag))} is not known here")

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in pairs(node):
            if key.tag == MERGE:
                merged = self._merge(value) | merged
            elif not isinstance(key, ScalarNode):
                self._wrong(key, "a key must be text")
            elif len(text_of(key)) > LONGEST_KEY:
                self._wrong(key, f"the key {_short(text_of(key))!r} is too long", f"at most {LONGEST_KEY:,} characters")
            elif text_of(key) in own:
                self._wrong(key, f"the key {text_of(key)!r} is a duplicate", f"first on line {lines[text_of(key)]}")
            else:
                lines[text_of(key)] = key.start_mark.line + 1
                own[text_of(key)] = self.of(value)
        return merged | own

    def _merge(self, node: Node) -> dict[str, Any]:
        """The content of ``<<``: one mapping, or a list in which earlier ones take precedence."""
        brought: dict[str, Any] = {}
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            value = self.of(source)
            if isinstance(value, dict):
                brought = value | brought
            else:
                self._wrong(source, "<< must name a mapping")
        return brought

    def _scalar(self, node: ScalarNode) -> Any:
        text, tag = text_of(node), str(node.tag)
        if tag in TEXT:
            return text
        if tag == TAG + "null" and text.lower() in ("", "~", "null"):
            return None
        if tag == TAG + "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if tag in (TAG + "int", TAG + "float"):
            return self._number(node, text.replace("_", ""), whole=tag == TAG + "int")
        if tag in (TAG + "null", TAG + "bool"):
            return self._wrong(node, f"{_short(text)} is not what its tag says", "true, false or null")
        return self._wrong(node, f"the tag {_short(tag)} is not known here")

    def _number(self, node: ScalarNode, text: str, *, whole: bool) -> int | float | None:
        try:
            number = _integer(text) if whole else float(text.replace(".inf", "inf").replace(".nan", "nan").lower())
        except ValueError:
            number = math.nan
        if isinstance(number, float) and not math.isfinite(number):
            self._wrong(node, f"{_short(text)} is not a number that can be used here")
            return None
        if isinstance(number, int) and abs(number) >= LARGEST:
            self._wrong(node, f"{_short(text)} is too large a number", "whole numbers have 64 bits")
            return None
        return number

    def _wrong(self, node: Node, wrong: str, known: str = "") -> None:
        self._errors.append(Diagnostic(self._file, node.start_mark.line + 1, "", wrong, known))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _integer(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.lower().startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits)


def expands_too_far(roots: tuple[Node, ...], file: str) -> Diagnostic | None:
    """The first place that exceeds a limit once aliases are expanded, or ``None``; takes time linear in the file."""
    weights, values = _Weights(file), 0
    for root in roots:
        values += weights.of(root)
        if weights.wrong is None and values > MOST_VALUES:
            weights.wrong = Diagnostic(file, root.start_mark.line + 1, "", REPEATED)
    return weights.wrong


class _Weights:
    """The number of values below each node, and their depth. A node with aliases is counted once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._known: dict[int, tuple[int, int]] = {}
        self.wrong: Diagnostic | None = None

    def of(self, root: Node) -> int:
        """The number of values in this document."""
        return self._of(root)[0]

    def _of(self, node: Node) -> tuple[int, int]:
        """A node that contains itself counts as nothing inside itself; this is reported as a separate error."""
        if id(node) not in self._known:
            self._known[id(node)] = (1, 1)
            inside = [self._of(child) for child in _children(node)]
            values = 1 + sum(values for values, _ in inside)
            depth = 1 + max((depth for _, depth in inside), default=0)
            self._known[id(node)] = (values, depth)
            self._judge(node, values, depth)
        return self._known[id(node)]

    def _judge(self, node: Node, values: int, depth: int) -> None:
        if self.wrong is None and (values > MOST_VALUES or depth > DEPTH + 1):
            wrong = TOO_DEEP if depth > DEPTH + 1 else REPEATED
            self.wrong = Diagnostic(self._file, node.start_mark.line + 1, "", wrong)


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, CollectionNode) else []
