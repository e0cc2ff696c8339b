"""Limits one YAML file's number of values and their depth, including those that aliases and merge keys repeat."""

from __future__ import annotations

from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from fairtrial.domain.errors import Diagnostic

DEPTH = 100
MOST_VALUES = 10_000
TOO_DEEP = "is nested too deeply"
REPEATED = f"its aliases repeat values until there are more than {MOST_VALUES:,}"
TOO_MANY = ("too many values", f"at most {MOST_VALUES:,} in a file; rows belong in a data file")


def expands_too_far(roots: list[Node], file: str) -> Diagnostic | None:
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
