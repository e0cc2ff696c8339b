"""Converts YAML nodes to plain values by the core schema of YAML 1.2, in which yes, no, on and dates are text."""

from __future__ import annotations

import math
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fairtrial.domain.errors import Diagnostic

TAG = "tag:yaml.org,2002:"
MERGE = TAG + "merge"
TEXT = (TAG + "str", TAG + "timestamp")
LARGEST = 2**63
LONGEST_KEY = 1_000
MAPPING, SEQUENCE = TAG + "map", TAG + "seq"


def construct(root: Node, file: str, errors: list[Diagnostic]) -> Any:
    """The node's plain value; its errors are appended to ``errors``."""
    return _Values(file, errors).of(root)


def pairs(node: MappingNode) -> list[tuple[Node, Node]]:
    """The keys and values of a mapping, as written."""
    return list(node.value)


def text_of(node: ScalarNode) -> str:
    """The text of a scalar, without its quotes."""
    return str(node.value)


class _Values:
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
